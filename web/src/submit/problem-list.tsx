// The problems below the editor; each leads to its line.
import { Mark } from "../ui/state";
import type { Problem } from "./problems";

interface Props {
  problems: readonly Problem[];
  onGo: (line: number, column: number) => void;
}

const MOST_SHOWN = 100;

export function ProblemList({ problems, onGo }: Props) {
  return (
    <ul class="submit-problems" aria-label="Problems">
      {problems.slice(0, MOST_SHOWN).map((problem) => (
        <li key={`${problem.line}:${problem.column} ${problem.field} ${problem.message}`}>
          <Row problem={problem} onGo={onGo} />
        </li>
      ))}
    </ul>
  );
}

function Row({ problem, onGo }: { problem: Problem; onGo: Props["onGo"] }) {
  const { severity, field, message, line, column = 1 } = problem;
  const mark =
    severity === "error" ? (
      <Mark look="failed" shape="cross" word="Error" />
    ) : (
      <Mark look="warned" shape="warning" word="Warning" />
    );
  const text = (
    <span>
      {field && <code>{field}</code>} {message}
    </span>
  );
  if (line === undefined)
    return (
      <div class="submit-problem">
        {mark}
        {text}
      </div>
    );
  return (
    <button type="button" class="submit-problem" onClick={() => onGo(line, column)}>
      {mark}
      {text}
      <span class="muted small submit-problem-line">line {line}</span>
    </button>
  );
}
