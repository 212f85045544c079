// Checks what is typed: its syntax at once, all else by a dry run when the typing pauses.
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { announce } from "../ui/announce";
import {
  emptySecrets,
  inWords,
  ordered,
  type Problem,
  refusals,
  syntaxProblems,
  warnings,
} from "./problems";
import { type DryRun, dryRun, isBacalhau, missingSecrets, planOf, type Work } from "./submission";

export interface Check {
  problems: readonly Problem[];
  /** What the file would make, once the server has said so. */
  made?: DryRun;
  /** Where the server could not check. */
  error?: unknown;
  isChecking: boolean;
}

const PAUSE_MS = 400;
const NONE: Check = { problems: [], isChecking: true };

export function useCheck(work: Work): Check {
  const [check, setCheck] = useState<Check>(NONE);
  const said = useRef("");
  useEffect(() => {
    const found = syntaxProblems(work.text);
    const isOther = isBacalhau(work.text);
    setCheck((old) =>
      found.length || isOther
        ? { problems: found, isChecking: !isOther }
        : { ...old, isChecking: true },
    );
    if (isOther) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      checked(work, abort.signal).then((next) => {
        if (!abort.signal.aborted) setCheck(next);
      });
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [work.text, work.secrets]);
  useEffect(() => {
    if (check.isChecking) return;
    const now = inWords(check.problems) || (check.made ? "No errors" : "");
    if (now && now !== said.current) announce(now);
    said.current = now;
  }, [check]);
  return check;
}

async function checked(work: Work, signal: AbortSignal): Promise<Check> {
  try {
    const made = await dryRun(work, signal);
    const empty = planOf(work).keepsSecrets ? [] : emptySecrets(work.text, missingSecrets(work));
    const problems = ordered([...warnings(made.warnings ?? []), ...empty]);
    return { problems, made, isChecking: false };
  } catch (error) {
    if (error instanceof ApiError && error.status === 400) {
      const problems = refusals(error, work.text);
      return { problems: problems.length ? ordered(problems) : [whole(error)], isChecking: false };
    }
    return { problems: syntaxProblems(work.text), error, isChecking: false };
  }
}

const whole = (error: ApiError): Problem => ({
  severity: "error",
  field: "",
  message: error.message,
});
