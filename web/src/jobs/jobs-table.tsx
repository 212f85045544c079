// The rows: a real table, which on phones is a list of cards. Only those in sight are in the document.
import { Fragment, type RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { may, session } from "../api/session";
import { Progress } from "../ui/progress";
import { State } from "../ui/state";
import { Ago, Took } from "../ui/time";
import { useSameNodes, useTop, useWindowRows } from "../ui/virtual";
import { DONE, type Outcome } from "./acts";
import { addressOf, type Filters } from "./filters";
import { useRowKeys } from "./row-keys";
import { type Job, spanOf } from "./rows";
import type { Jobs } from "./use-jobs";
import type { Selection } from "./use-selection";

interface Props {
  jobs: Jobs;
  selection: Selection;
  outcomes: ReadonlyMap<string, Outcome>;
  filters: Filters;
}

export function JobsTable({ jobs, selection, outcomes, filters }: Props) {
  const mayAct = may("operate") || may("submit");
  const { rows } = jobs;
  const body = useRef<HTMLTableSectionElement>(null);
  const top = useTop(body, TOP_PX);
  const virtual = useWindowRows(rows.length, top, rowPx, useFocused(body));
  const first = virtual.items[0]?.index ?? 0;
  const last = virtual.items.at(-1)?.index ?? 0;
  // Not after the browser has painted: for that Preact asks for a frame of its own with each scroll.
  useLayoutEffect(() => jobs.onSight(first, last), [rows, first, last, jobs.next]);
  useRowKeys(rows, selection, mayAct, virtual.scrollTo);
  const drawn = useSameNodes<string>();
  const newest = useRef(selection);
  newest.current = selection;
  const address = addressOf(filters);
  const hasNames = session.value?.isAuthenticationOn === true;
  const isAll = rows.length > 0 && selection.ids.size === rows.length;
  const isNewest = filters.order === "newest";
  const columns = mayAct ? 7 : 6;
  return (
    <table class="cards jobs-table" aria-rowcount={jobs.next ? -1 : rows.length + 1}>
      <caption class="unseen">Jobs, {filters.order} first</caption>
      <thead>
        <tr>
          {mayAct && (
            <th class="jobs-check" scope="col">
              <input
                type="checkbox"
                aria-label="Select all that are loaded"
                checked={isAll}
                ref={(box) => {
                  if (box) box.indeterminate = selection.ids.size > 0 && !isAll;
                }}
                onChange={(event) => selection.all(event.currentTarget.checked)}
              />
            </th>
          )}
          <th class="jobs-state" scope="col">
            State
          </th>
          <th scope="col">Name</th>
          <th class="jobs-progress" scope="col">
            Progress
          </th>
          <th class="jobs-from" scope="col">
            {hasNames ? "Submitted by" : "Schedule"}
          </th>
          <th class="number jobs-age" scope="col" aria-sort={isNewest ? "descending" : "ascending"}>
            <a
              href={addressOf({ ...filters, order: isNewest ? "oldest" : "newest" })}
              title={isNewest ? "Show the oldest first" : "Show the newest first"}
            >
              Age <span aria-hidden="true">{isNewest ? "↓" : "↑"}</span>
            </a>
          </th>
          <th class="number jobs-duration" scope="col">
            Duration
          </th>
        </tr>
      </thead>
      <tbody ref={body}>
        {virtual.items.map(({ index, gap }) => {
          const job = rows[index];
          if (!job) return null;
          const outcome = outcomes.get(job.id);
          const isSelected = mayAct ? selection.ids.has(job.id) : undefined;
          return (
            <Fragment key={job.id}>
              <Gap height={gap} columns={columns} />
              {drawn(job.id, [job, index, address, outcome, isSelected], () => (
                <Row
                  job={job}
                  index={index}
                  measure={virtual.measure}
                  filters={filters}
                  outcome={outcome}
                  isSelected={isSelected}
                  onSelect={(isRange) => newest.current.toggle(job.id, isRange)}
                />
              ))}
            </Fragment>
          );
        })}
        <Gap height={virtual.rest} columns={columns} />
      </tbody>
    </table>
  );
}

const phone = matchMedia("(max-width: 700px)");

/** The height of a row before it is measured. */
const rowPx = (): number => (phone.matches ? 92 : 38);

/** Where the rows begin on most screens. */
const TOP_PX = 270;

/** Where the rows are that are not in the document. */
function Gap({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it takes the focus
    <tr class="jobs-gap" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${height}px` }} />
    </tr>
  );
}

/** The row that has the focus stays in the document, wherever one scrolls. */
function useFocused(body: RefObject<HTMLElement | null>): number | undefined {
  const row = document.activeElement?.closest<HTMLElement>(".jobs-row");
  return row && body.current?.contains(row) ? Number(row.dataset.index) : undefined;
}

interface RowProps {
  job: Job;
  index: number;
  measure: (row: HTMLElement | null) => void;
  filters: Filters;
  outcome: Outcome | undefined;
  /** Undefined where it can't be. */
  isSelected: boolean | undefined;
  onSelect: (isRange: boolean) => void;
}

function Row({ job, index, measure, filters, outcome, isSelected, onSelect }: RowProps) {
  return (
    <tr
      class="jobs-row"
      ref={measure}
      data-id={job.id}
      data-index={index}
      aria-rowindex={index + 2}
      aria-selected={isSelected}
    >
      {isSelected !== undefined && (
        <td class="jobs-check">
          <input
            type="checkbox"
            aria-label={`Select ${job.name}`}
            checked={isSelected}
            onClick={(event) => onSelect(event.shiftKey)}
          />
        </td>
      )}
      <td class="jobs-state">
        <State state={job.state} badge />
      </td>
      <td class="wide jobs-name">
        <div class="jobs-name-line">
          <a class="cut jobs-link" href={`/ui/jobs/${job.id}`} title={job.name}>
            {job.name}
          </a>
          <Tags tags={job.tags ?? []} filters={filters} />
        </div>
        <Remark job={job} outcome={outcome} />
      </td>
      <td class="jobs-progress">
        {job.state === "RUNNING" && (
          <Progress percent={job.progress ?? 0} label={`Progress of ${job.name}`} />
        )}
      </td>
      <td class="jobs-from">
        <From job={job} filters={filters} />
      </td>
      <td class="number jobs-age">
        <Ago at={job.createdAt} />
      </td>
      <td class="number jobs-duration" data-label="took">
        <Took {...spanOf(job)} />
      </td>
    </tr>
  );
}

const TAGS_SHOWN = 3;

function Tags({ tags, filters }: { tags: readonly string[]; filters: Filters }) {
  if (!tags.length) return null;
  const rest = tags.slice(TAGS_SHOWN);
  return (
    <span class="tags">
      {tags.slice(0, TAGS_SHOWN).map((tag) => (
        <a
          key={tag}
          class="tag cut"
          href={addressOf({ ...filters, tag })}
          title={`Only jobs with the tag ${tag}`}
        >
          {tag}
        </a>
      ))}
      {rest.length > 0 && (
        <span class="muted small" title={rest.join(", ")}>
          +{rest.length}
        </span>
      )}
    </span>
  );
}

/** What became of the last act, why it failed, why it waits. */
function Remark({ job, outcome }: { job: Job; outcome: Outcome | undefined }) {
  if (outcome?.refusal)
    return <p class="small jobs-remark jobs-refused">Not possible: {outcome.refusal}</p>;
  if (outcome) return <p class="small muted jobs-remark">{DONE[outcome.act]}</p>;
  const text = job.waiting?.message ?? (job.state === "FAILED" ? job.error : undefined);
  if (!text) return null;
  return (
    <p class="small muted cut jobs-remark" title={text}>
      {text.split("\n", 1)[0]}
    </p>
  );
}

function From({ job, filters }: { job: Job; filters: Filters }) {
  const { schedule, createdBy } = job;
  if (schedule)
    return (
      <a class="cut" href={`/ui/schedules/${schedule.id}`} title="The schedule that created it">
        {schedule.cron ? <code>{schedule.cron}</code> : "Schedule"}
      </a>
    );
  const name = createdBy?.username;
  if (!name || session.value?.isAuthenticationOn !== true) return null;
  return (
    <a class="cut" href={addressOf({ ...filters, by: name })} title={`Only jobs of ${name}`}>
      {name}
    </a>
  );
}
