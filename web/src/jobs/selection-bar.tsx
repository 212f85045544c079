// What can be done with the selected jobs; only what is allowed has a button.
import { useState } from "preact/hooks";
import { may } from "../api/session";
import { announce } from "../ui/announce";
import { Button, Confirm } from "../ui/button";
import { count, counted } from "../ui/format";
import { actOn, DONE, type Outcome } from "./acts";
import { type Act, allows, type Job } from "./rows";
import type { Selection } from "./use-selection";

interface Props {
  jobs: readonly Job[];
  selection: Selection;
  onOutcome: (outcome: Outcome) => void;
}

const NAMES: Record<Act, string> = { cancel: "Cancel", restart: "Restart", delete: "Delete" };
const ACTS: readonly Act[] = ["cancel", "restart", "delete"];

export function SelectionBar({ jobs, selection, onOutcome }: Props) {
  const [left, setLeft] = useState(0);
  const selected = jobs.filter((job) => selection.ids.has(job.id));
  if (!selected.length) return null;
  const run = async (act: Act, chosen: readonly Job[]) => {
    let refused = 0;
    setLeft(chosen.length);
    await actOn(chosen, act, (outcome) => {
      refused += outcome.refusal ? 1 : 0;
      setLeft((n) => n - 1);
      onOutcome(outcome);
    });
    const done = `${DONE[act]}: ${counted(chosen.length - refused, "job")}`;
    announce(refused ? `${done}. Not possible: ${count(refused)}` : done);
  };
  const only = selected.length === 1 ? selected[0] : undefined;
  return (
    <section class="jobs-selection" aria-label="Selected jobs">
      <span aria-live="polite">
        {counted(selected.length, "job")} selected{left > 0 && `, ${count(left)} to go`}
      </span>
      {may("operate") &&
        ACTS.map((act) => (
          <ActButton
            key={act}
            act={act}
            jobs={selected.filter((job) => allows(job, act))}
            of={selected.length}
            run={run}
          />
        ))}
      {only && may("submit") && (
        <a class="button" href={`/ui/submit?from=${only.id}`}>
          Run again with edits
        </a>
      )}
      <Button kind="quiet" onClick={selection.clear}>
        Clear selection
      </Button>
    </section>
  );
}

interface ActProps {
  act: Act;
  /** Those that it is allowed for. */
  jobs: readonly Job[];
  of: number;
  run: (act: Act, jobs: readonly Job[]) => Promise<void>;
}

function ActButton({ act, jobs, of, run }: ActProps) {
  if (!jobs.length) return null;
  const name = NAMES[act];
  return (
    <Confirm
      label={jobs.length === of ? name : `${name} ${count(jobs.length)}`}
      question={`${name} ${counted(jobs.length, "job")}?`}
      yes={`Yes, ${act}`}
      kind={act === "restart" ? "plain" : "danger"}
      onConfirm={() => run(act, jobs)}
    />
  );
}
