// The public API, typed from its OpenAPI document; an error is thrown as ApiError.
import { signal } from "@preact/signals";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** One broken rule of what was sent. */
export interface BrokenRule {
  field?: string;
  value?: unknown;
  rule?: string;
  line?: number;
  column?: number;
}

/** What the API refused, or status 0 where it could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly errors: readonly BrokenRule[] = [],
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

const UNREACHABLE = "The coordinator can't be reached. The page tries again automatically.";

/** Whether the last request was answered by nobody. */
export const isAway = signal(false);

let csrfToken = "";
let onSignedOut: () => void = () => undefined;

/** Session only: what unsafe requests show, and what to do when nobody is signed in any more. */
export function useSessionFor(token: string, signedOut: () => void): void {
  csrfToken = token;
  onSignedOut = signedOut;
}

/** As `fetch` on the API, with the session. Throws ApiError. */
export async function send(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, { credentials: "same-origin", ...init });
  request.headers.set("X-Requested-With", "conveyor-page");
  if (request.method !== "GET" && request.method !== "HEAD" && csrfToken)
    request.headers.set("X-CSRF-Token", csrfToken);
  const response = await fetch(request).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    isAway.value = true;
    throw new ApiError(0, UNREACHABLE);
  });
  isAway.value = false;
  if (response.ok || response.status === 304) return response;
  throw await refusal(response);
}

async function refusal(response: Response): Promise<ApiError> {
  if (response.status === 401) onSignedOut();
  const text = await response.text();
  const wait = Number(response.headers.get("Retry-After")) || undefined;
  try {
    const body = JSON.parse(text) as { message?: string; errors?: BrokenRule[] };
    return new ApiError(response.status, body.message ?? text, body.errors ?? [], wait);
  } catch {
    return new ApiError(response.status, text || response.statusText, [], wait); // a proxy's words
  }
}

/** `api.GET("/jobs", { params: { query } })`, and so on: see openapi-fetch. */
export const api = createClient<paths>({ baseUrl: "/", fetch: send });

/** The data of an answer: `await data(api.GET(…))`. Throws ApiError. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}
