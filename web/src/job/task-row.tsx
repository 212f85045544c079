// One row of the list of tasks.
import type { ComponentChildren } from "preact";
import { State } from "../ui/state";
import { Took } from "../ui/time";
import { jobHref } from "./address";
import type { Row } from "./task-rows";
import { childrenText, runOf, taskName, waitOf } from "./words";

interface Props {
  jobId: string;
  row: Row;
  /** How deep it is in the tree. */
  depth?: number;
  /** Its place in the list, from 1, where not all are in the document. */
  place?: number;
  style?: Record<string, string>;
  /** What opens its children in place. */
  opener?: ComponentChildren;
}

export function TaskRow({ jobId, row, depth = 0, place, style, opener }: Props) {
  const waited = waitOf(row);
  const ran = runOf(row);
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows that are not all there can't be a table
    <div class="task-row" role="row" tabIndex={-1} aria-rowindex={place} style={style}>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div class="task-name" role="cell" style={{ paddingLeft: `${depth * 20}px` }}>
        {opener}
        {row.childIndex != null && <span class="muted task-index">#{row.childIndex}</span>}
        {row.id ? (
          <a class="cut" href={jobHref(jobId, { task: row.id })}>
            {taskName(row)}
          </a>
        ) : (
          <span class="cut">{taskName(row)}</span>
        )}
        {row.sequence != null && <span class="tag">sequence {row.sequence}</span>}
        {row.kind !== "task" && row.kind !== "execution" && <span class="tag">{row.kind}</span>}
        {row.attempts != null && <span class="tag">{row.attempts} attempts</span>}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div class="task-state" role="cell">
        {row.state ? <State state={row.state} /> : <span class="muted">Not started</span>}
        <Detail jobId={jobId} row={row} />
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div class="task-time number" role="cell" data-label="Waited">
        {waited && <Took from={waited.from} to={waited.to} />}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div class="task-time number" role="cell" data-label="Ran">
        {ran && <Took from={ran.from} to={ran.to} />}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div class="task-node cut muted" role="cell">
        {row.nodeName ?? row.queue}
      </div>
    </div>
  );
}

function Detail({ jobId, row }: { jobId: string; row: Row }) {
  if (row.children)
    return (
      <a class="cut task-detail" href={jobHref(jobId, { parent: row.id })}>
        {childrenText(row.children)}
      </a>
    );
  if (row.subjobId)
    return (
      <a class="cut task-detail" href={jobHref(row.subjobId)}>
        Open its job
      </a>
    );
  const text = detailText(row);
  return text ? (
    <span class="cut task-detail muted" title={text}>
      {text}
    </span>
  ) : null;
}

function detailText(row: Row): string {
  if (row.waiting) return row.waiting.message;
  if (row.error) return row.error;
  if (row.state === "RUNNING" && row.progress) return `${Math.floor(row.progress)} %`;
  return "";
}
