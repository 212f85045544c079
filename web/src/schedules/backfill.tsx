// Jobs for times that have passed: how many there would be, then make them.
import { useState } from "preact/hooks";
import { api, data, type Schemas } from "../api/client";
import { useAct } from "../ui/act";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { Field } from "../ui/field";
import { counted } from "../ui/format";
import { At } from "../ui/time";
import type { Whole } from "./words";

type Answer = Schemas["BackfillAnswer"];
type Fate = Answer["firings"][number]["state"];

const DAY_MS = 86_400_000;

export function Backfill({ schedule, reload }: { schedule: Whole; reload: () => void }) {
  const [from, setFrom] = useState(local(Date.now() - DAY_MS));
  const [to, setTo] = useState(local(Date.now()));
  const [overlap, setOverlap] = useState<"" | "allow" | "bufferAll">("");
  const [answer, setAnswer] = useState<Answer>();
  const { act, error, isBusy } = useAct();
  const ask = async (dryRun: boolean) => {
    const isDone = await act(async () => {
      const body = {
        from: new Date(from).toISOString(),
        to: new Date(to).toISOString(),
        dryRun,
        ...(overlap ? { overlap } : {}),
      };
      const params = { path: { id: schedule.id } };
      const found = await data(api.POST("/scheduled-jobs/{id}/backfill", { params, body }));
      setAnswer(found);
      announce(inWords(found));
    });
    if (!isDone) setAnswer(undefined);
    else if (!dryRun) reload();
  };
  const changed = (set: (text: string) => void) => (event: Event) => {
    setAnswer(undefined);
    set((event.currentTarget as HTMLInputElement).value);
  };
  const isPreview = answer?.dryRun === true;
  const isEmpty = isPreview && answer.created + answer.held === 0;
  return (
    <form
      class="schedules-form"
      onSubmit={(event) => {
        event.preventDefault();
        void ask(true);
      }}
    >
      <p class="schedules-whole muted">
        Creates a job for each time of the range that has none yet, by the schedule as it is now.
      </p>
      <Field label="From" hint="In your time zone">
        <input type="datetime-local" required value={from} max={to} onInput={changed(setFrom)} />
      </Field>
      <Field label="To">
        <input type="datetime-local" required value={to} min={from} onInput={changed(setTo)} />
      </Field>
      <Field label="The jobs run">
        <select
          value={overlap}
          onChange={(event) => {
            setAnswer(undefined);
            setOverlap(event.currentTarget.value as typeof overlap);
          }}
        >
          <option value="">as the schedule says</option>
          <option value="allow">all at once</option>
          <option value="bufferAll">one after the other</option>
        </select>
      </Field>
      <div class="row schedules-whole">
        <Button type="submit" disabled={isBusy}>
          Preview
        </Button>
        {isPreview && !isEmpty && (
          <Button kind="primary" disabled={isBusy} onClick={() => void ask(false)}>
            Create {counted(answer.created + answer.held, "job")}
          </Button>
        )}
      </div>
      {error !== undefined && (
        <div class="schedules-whole">
          <ErrorNote error={error} />
        </div>
      )}
      {answer && <Result answer={answer} />}
    </form>
  );
}

const FATES: Record<Fate, string> = {
  FIRED: "a job",
  HELD: "held until the job before it ends",
  EXISTS: "has its job already",
};

function Result({ answer }: { answer: Answer }) {
  return (
    <section class="schedules-whole" aria-label="Result">
      <h2>{inWords(answer)}</h2>
      {answer.firings.length > 0 && (
        <table class="cards">
          <caption class="unseen">Times of the range</caption>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">{answer.dryRun ? "Would be" : "Is"}</th>
            </tr>
          </thead>
          <tbody>
            {answer.firings.map((firing) => (
              <tr key={firing.scheduledAt}>
                <td>
                  <At at={firing.scheduledAt} />
                </td>
                <td>
                  {answer.dryRun || firing.state === "HELD" ? (
                    FATES[firing.state]
                  ) : (
                    <a href={`/ui/jobs/${firing.jobId}`}>{FATES[firing.state]}</a>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function inWords({ dryRun, created, held, existing }: Answer): string {
  if (created + held === 0)
    return existing
      ? "Each time of this range has its job."
      : "The schedule has no time in this range.";
  const made = dryRun
    ? `${counted(created, "job")} would be created`
    : `${counted(created, "job")} created`;
  const more = [held && `${held} held`, existing && `${existing} there before`].filter(Boolean);
  return [made, ...more].join(", ");
}

/** As an input of a date and a time has it, in the user's zone. */
function local(at: number): string {
  const offset = new Date(at).getTimezoneOffset() * 60_000;
  return new Date(at - offset).toISOString().slice(0, 16);
}
