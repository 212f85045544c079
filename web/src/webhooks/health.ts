// How an endpoint is, in a word.
import type { Schemas } from "../api/client";
import type { Shown } from "../ui/state";

export type Endpoint = Schemas["Endpoint"];

export function health(endpoint: Endpoint): Shown {
  if (endpoint.disabled) return { look: "waiting", shape: "barred", word: "Disabled" };
  if (endpoint.failingSince) return { look: "failed", shape: "cross", word: "Failing" };
  switch (endpoint.lastDelivery?.state) {
    case "DELIVERED":
      return { look: "completed", shape: "tick", word: "Working" };
    case "FAILED":
      return { look: "warned", shape: "warning", word: "Last one given up" };
    case "PENDING":
      return { look: "waiting", shape: "clock", word: "Sending" };
    default:
      return { look: "waiting", shape: "ring", word: "Nothing sent yet" };
  }
}

/** What people call it. */
export const nameOf = (endpoint: Endpoint): string =>
  endpoint.description || hostOf(endpoint.url) || endpoint.id;

/** Of a URL whose path is hidden. */
export function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}
