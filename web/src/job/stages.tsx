// The phases of partitioned work: its data is split, each chunk has its task, the results are
// assembled, and a job of ByteNite delivers them.
import { useState } from "preact/hooks";
import { useStream } from "../api/live";
import { useDelayed } from "../ui/load";
import { isFinal, State } from "../ui/state";
import { jobHref } from "./address";
import { type Row, useFamily } from "./task-rows";
import { chunksText, isStaged } from "./words";

const PHASES: Record<string, string> = {
  partition: "Split",
  app: "Chunks",
  assemble: "Assemble",
  deliver: "Deliver",
};
const EVERY_MS = 1000;
/** So many of the tasks of a job are shown with their phases. */
const FEW = 5;

interface Props {
  jobId: string;
  /** The job's own list, or its beginning. */
  rows: readonly Row[];
}

/** Of the job itself, or of its tasks that are partitioned. */
export function Stages({ jobId, rows }: Props) {
  const parted = rows.filter((row) => row.kind === "partition" && row.subjobId).slice(0, FEW);
  if (isStaged(rows)) return <Phases jobId={jobId} rows={rows} label="Phases" />;
  return parted.length > 0 ? <Parted rows={parted} /> : null;
}

/** One stream for all, because a browser opens few at a time. */
function Parted({ rows }: { rows: readonly Row[] }) {
  const [changes, setChanges] = useState(0);
  const look = useDelayed(() => setChanges((n) => n + 1), EVERY_MS);
  const live = rows.filter(({ state }) => state === "RUNNING").map(({ subjobId }) => subjobId);
  const url = `/events?jobs=${live.join(",")}&types=job,task&every=${EVERY_MS}ms`;
  useStream(live.length > 0 ? url : undefined, { onEvent: look });
  return (
    <>
      {rows.map((row) => (
        <OfTask key={row.id} row={row} changes={changes} />
      ))}
    </>
  );
}

function OfTask({ row, changes }: { row: Row; changes: number }) {
  const jobId = row.subjobId ?? "";
  // Read anew with the last change of the task that stands for it.
  const all = { parent: "top", state: "", q: "", index: "", order: "position" as const };
  const found = useFamily({ jobId, ...all }, changes + (isFinal(row.state) ? 1 : 0));
  if (!found.data || !isStaged(found.data.items)) return null;
  return <Phases jobId={jobId} rows={found.data.items} label={`Phases of ${row.name}`} />;
}

function Phases({ jobId, rows, label }: Props & { label: string }) {
  return (
    <ol class="job-stages" aria-label={label}>
      {rows.map((row) => (
        <li key={row.name} class="row">
          {row.id ? (
            <a href={hrefOf(jobId, row)}>{PHASES[row.name ?? ""]}</a>
          ) : (
            <span>{PHASES[row.name ?? ""]}</span>
          )}
          {row.state ? <State state={row.state} /> : <span class="muted">Not started</span>}
          {row.children && <span class="muted">{chunksText(row.children)}</span>}
        </li>
      ))}
    </ol>
  );
}

const hrefOf = (jobId: string, { id, children }: Row) =>
  jobHref(jobId, children ? { parent: id } : { task: id });
