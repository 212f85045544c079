// All that is known of the row that is pointed at or has the focus.
import { duration } from "../ui/format";
import { Mark, State } from "../ui/state";
import type { Crowd } from "./density";
import { Swatch } from "./legend";
import { type Bar, isComposite, lastBar, subjobOf, type TaskNode } from "./model";
import type { Row } from "./rows";
import { preciseTime } from "./scale";
import { segmentsOf, totals, WORDS } from "./segments";
import { groupText } from "./words";

interface Props {
  row: Row | undefined;
  crowd: (node: TaskNode) => Crowd;
  now: number;
  hrefOf: (row: Row) => string | undefined;
}

export function Details({ row, crowd, now, hrefOf }: Props) {
  if (!row)
    return (
      <p class="timeline-details muted">
        Point at a row, or move to it with the arrow keys, to see where its time went.
      </p>
    );
  const { node } = row;
  const bar = row.bar ?? lastBar(node);
  const href = hrefOf(row);
  return (
    <section class="timeline-details" aria-label="Details of the row">
      <div class="row">
        <strong class="cut">{node.name}</strong>
        {node.bars.length > 1 && bar && (
          <span class="muted">{attemptWord(bar, node.bars.length)}</span>
        )}
        {bar ? (
          <State state={bar.attempt.state} />
        ) : (
          <Mark look="waiting" shape="ring" word="Not started" />
        )}
        {href && <a href={href}>Open task</a>}
        {subjobOf(node) && <a href={`/ui/jobs/${subjobOf(node)}`}>Open sub-job</a>}
      </div>
      {bar &&
        (isComposite(node) ? (
          <p>{groupText(node, now, crowd(node).peak)}</p>
        ) : (
          <Facts bar={bar} now={now} />
        ))}
      {bar?.attempt.error && <p class="timeline-error">{bar.attempt.error}</p>}
    </section>
  );
}

const attemptWord = (bar: Bar, of: number) => `attempt ${(bar.attempt.attempt ?? 0) + 1} of ${of}`;

function Facts({ bar, now }: { bar: Bar; now: number }) {
  const { attempt } = bar;
  return (
    <>
      <ul class="timeline-parts">
        {totals(segmentsOf(bar, now)).map(([part, ms]) => (
          <li key={part}>
            <Swatch part={part} /> {WORDS[part]} <strong>{duration(ms)}</strong>
          </li>
        ))}
      </ul>
      <p class="muted small timeline-facts">
        {bar.started !== undefined && <span>Started {preciseTime(bar.started)}</span>}
        {bar.ended !== undefined && <span>Ended {preciseTime(bar.ended)}</span>}
        {attempt.queue && <span>Queue {attempt.queue}</span>}
        {attempt.nodeId && <span>Node {attempt.nodeId}</span>}
        {attempt.exitCode !== undefined && <span>Exit code {attempt.exitCode}</span>}
      </p>
    </>
  );
}
