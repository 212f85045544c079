// Cancel, restart and delete several jobs: some at a time, with a result for each.
import { api } from "../api/client";
import { message } from "../ui/error-note";
import type { Act, Job } from "./rows";

const AT_ONCE = 4;

const CALLS: Record<Act, (id: string) => Promise<unknown>> = {
  cancel: (id) => api.PUT("/jobs/{id}/cancel", { params: { path: { id } } }),
  restart: (id) => api.PUT("/jobs/{id}/restart", { params: { path: { id } } }),
  delete: (id) => api.DELETE("/jobs/{id}", { params: { path: { id } } }),
};

export const DONE: Record<Act, string> = {
  cancel: "Cancelled",
  restart: "Restarted",
  delete: "Deleted",
};

export interface Outcome {
  id: string;
  act: Act;
  /** Why it was refused. */
  refusal?: string;
}

/** Does it to each; `onOutcome` is told as they come. */
export async function actOn(
  jobs: readonly Job[],
  act: Act,
  onOutcome: (outcome: Outcome) => void,
): Promise<void> {
  const waiting = [...jobs];
  const work = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      const { id } = job;
      await CALLS[act](id).then(
        () => onOutcome({ id, act }),
        (error: unknown) => onOutcome({ id, act, refusal: message(error) }),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
