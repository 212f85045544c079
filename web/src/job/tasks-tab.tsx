// The tasks of a job as a tree; of very many children a list with filters and counts.
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api, data } from "../api/client";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { useLoad } from "../ui/load";
import { jobHref, type Query } from "./address";
import type { TabProps } from "./job-page";
import { LongFamily } from "./long-family";
import { Stages } from "./stages";
import { TaskFilters } from "./task-filters";
import { TaskRow } from "./task-row";
import { type Asked, PAGE_SIZE, type Row, useFamily } from "./task-rows";
import { taskName } from "./words";

const TOP = "top";
/** Families up to this size are opened in place. */
const FEW = 20;
const DEEPEST = 6;

/** What an address asks for. */
export function askedBy(jobId: string, query: Query): Asked {
  const parent = query.parent ?? TOP;
  // Of very many children those that failed are looked for first.
  const given = query.order ?? (parent === TOP ? "position" : "failed-first");
  const order = given === "failed-first" || given === "newest" ? given : "position";
  const { state = "", q = "", index = "" } = query;
  return { jobId, parent, state, q, index, order };
}

export function TasksTab({ job, changes }: TabProps) {
  const { query, route } = useLocation();
  const asked = askedBy(job.id, query);
  const found = useFamily(asked, changes);
  const change = (next: Query) => {
    const { parent: of, state, q, index, order } = { ...query, ...next };
    route(jobHref(job.id, { parent: of, state, q, index, order }), true);
  };
  const total = found.data?.totalItems ?? 0;
  return (
    <section aria-label="Tasks">
      {query.parent && <FamilyCrumbs jobId={job.id} parent={query.parent} />}
      {asked.parent === TOP && !isFiltered(asked) && found.data && (
        <Stages jobId={job.id} rows={found.data.items} />
      )}
      <TaskFilters asked={asked} page={found.data} change={change} />
      {found.error !== undefined && <ErrorNote error={found.error} retry={found.reload} />}
      {found.data && total === 0 && <NoTasks isFiltered={isFiltered(asked)} change={change} />}
      {found.data && total > 0 && (
        // biome-ignore lint/a11y/useSemanticElements: rows that are not all there can't be a table
        <div
          class="task-list"
          role="table"
          aria-label="Tasks"
          aria-rowcount={total}
          aria-busy={found.isLoading}
        >
          <Head />
          {total > PAGE_SIZE ? (
            <LongFamily asked={asked} total={total} changes={changes} begin={found.data.items} />
          ) : (
            <Rows asked={asked} rows={found.data.items} depth={0} changes={changes} />
          )}
        </div>
      )}
    </section>
  );
}

const isFiltered = (asked: Asked) => !!(asked.state || asked.q || asked.index);

const COLUMNS = ["Task", "State", "Waited", "Ran", "Node or queue"];

function Head() {
  return (
    // biome-ignore lint/a11y/useSemanticElements: as above
    <div class="task-row task-head" role="row" tabIndex={-1}>
      {COLUMNS.map((name) => (
        // biome-ignore lint/a11y/useSemanticElements: as above
        <div
          key={name}
          role="columnheader"
          tabIndex={-1}
          class={name === "Waited" || name === "Ran" ? "number" : undefined}
        >
          {name}
        </div>
      ))}
    </div>
  );
}

interface RowsProps {
  asked: Asked;
  rows: readonly Row[];
  depth: number;
  changes: number;
}

function Rows({ asked, rows, depth, changes }: RowsProps) {
  return (
    <>
      {rows.map((row) => (
        <Branch
          key={row.id ?? `position ${row.position}`}
          asked={asked}
          row={row}
          depth={depth}
          changes={changes}
        />
      ))}
    </>
  );
}

interface BranchProps {
  asked: Asked;
  row: Row;
  depth: number;
  changes: number;
}

/** A row, and its children where they are few. */
function Branch({ asked, row, depth, changes }: BranchProps) {
  const size = row.children?.size ?? 0;
  const canOpen = row.id !== undefined && size > 0 && size <= FEW && depth < DEEPEST;
  const [isOpen, setOpen] = useState(true);
  const opener = canOpen ? (
    <button
      type="button"
      class="task-opener"
      aria-expanded={isOpen}
      aria-label={`Children of ${taskName(row)}`}
      onClick={() => setOpen(!isOpen)}
    >
      <svg width="12" height="12" viewBox="0 0 16 16" aria-hidden="true">
        <path
          d={isOpen ? "M3 6l5 5 5-5" : "M6 3l5 5-5 5"}
          fill="none"
          stroke="currentColor"
          stroke-width="2"
        />
      </svg>
    </button>
  ) : undefined;
  return (
    <>
      <TaskRow jobId={asked.jobId} row={row} depth={depth} opener={opener} />
      {canOpen && isOpen && row.id && (
        <Children
          asked={{
            jobId: asked.jobId,
            parent: row.id,
            state: "",
            q: "",
            index: "",
            order: "position",
          }}
          depth={depth + 1}
          changes={changes}
        />
      )}
    </>
  );
}

function Children({ asked, depth, changes }: { asked: Asked; depth: number; changes: number }) {
  const found = useFamily(asked, changes);
  return found.data ? (
    <Rows asked={asked} rows={found.data.items} depth={depth} changes={changes} />
  ) : null;
}

function FamilyCrumbs({ jobId, parent }: { jobId: string; parent: string }) {
  const found = useLoad(`family ${parent}`, (signal) => ancestors(parent, signal));
  return (
    <nav class="job-crumbs" aria-label="Which children">
      <a href={jobHref(jobId)}>All tasks</a>
      {found.data?.map((task) => (
        <span key={task.id}>
          {" / "}
          {task.id === parent ? (
            <span aria-current="page">Children of {task.name}</span>
          ) : (
            <a href={jobHref(jobId, { parent: task.id })}>{task.name}</a>
          )}
        </span>
      ))}
    </nav>
  );
}

const MOST_ANCESTORS = 8;

/** From the outermost to the task itself. */
async function ancestors(taskId: string, signal: AbortSignal) {
  const found: { id: string; name: string }[] = [];
  let next: string | null | undefined = taskId;
  while (next && found.length < MOST_ANCESTORS) {
    const id: string = next;
    const task = await data(api.GET("/tasks/{id}", { params: { path: { id } }, signal }));
    found.unshift({ id, name: taskName(task) });
    next = task.parentId;
  }
  return found;
}

function NoTasks({ isFiltered, change }: { isFiltered: boolean; change: (next: Query) => void }) {
  if (!isFiltered)
    return <EmptyState title="No task has begun" text="They appear here as soon as they do." />;
  return (
    <EmptyState title="No task is like that" text="Take a filter away to see more.">
      <button
        type="button"
        class="button"
        onClick={() => change({ state: undefined, q: undefined, index: undefined })}
      >
        Show all
      </button>
    </EmptyState>
  );
}
