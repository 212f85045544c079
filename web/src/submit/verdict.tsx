// What the check says, in a line.
import { ErrorNote } from "../ui/error-note";
import { counted } from "../ui/format";
import { Mark } from "../ui/state";
import { At } from "../ui/time";
import { advice, inWords } from "./problems";
import { isBacalhau } from "./submission";
import type { Check } from "./use-check";

export function Verdict({ check, text }: { check: Check; text: string }) {
  const { problems, made, error } = check;
  if (isBacalhau(text))
    return (
      <p class="note">
        This is a job file of Bacalhau. Save it and submit it with <code>conveyor submit FILE</code>
        , which knows its language.
      </p>
    );
  if (error) return <ErrorNote error={new Error(advice(error))} />;
  const errors = problems.filter((problem) => problem.severity === "error");
  if (errors.length) return <Mark look="failed" shape="cross" word={inWords(problems)} />;
  if (!made) return <span class="muted">Checking…</span>;
  return (
    <span class="row">
      {problems.length ? (
        <Mark look="warned" shape="warning" word={inWords(problems)} />
      ) : (
        <Mark look="completed" shape="tick" word="No errors" />
      )}
      <span class="muted">
        {counted(made.taskCount, "task")}
        {made.nextAt && (
          <>
            , first at <At at={made.nextAt} />
          </>
        )}
      </span>
    </span>
  );
}
