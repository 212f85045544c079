// The list of jobs: search, filters, rows that change by themselves, acts on several.
import "./jobs.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { may } from "../api/session";
import { Button } from "../ui/button";
import { Command } from "../ui/copy";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { count, counted } from "../ui/format";
import { readEarly } from "../ui/load";
import { PageHead } from "../ui/page-head";
import { useSameNodes } from "../ui/virtual";
import type { Outcome } from "./acts";
import { FilterBar } from "./filter-bar";
import { addressOf, EVERYTHING, type Filters, isFiltered, parseFilters } from "./filters";
import { JobsTable } from "./jobs-table";
import { KeysHelp } from "./keys-help";
import { SelectionBar } from "./selection-bar";
import { firstOf, type Jobs, useJobs } from "./use-jobs";
import { MOST_ROWS } from "./use-rest";
import { useSelection } from "./use-selection";

const TOP_PX = 120;

export const begin = (at: URL) => readEarly(firstOf(parseFilters(at.search)));

export default function JobsPage() {
  const { url, route } = useLocation();
  const filters = parseFilters(url.split("?")[1] ?? "");
  const address = addressOf(filters);
  const [outcomes, setOutcomes] = useState<ReadonlyMap<string, Outcome>>(new Map());
  const hasSelection = useRef(false);
  const isQuiet = () => window.scrollY > TOP_PX || hasSelection.current || isReading();
  const jobs = useJobs(filters, isQuiet);
  const selection = useSelection(jobs.rows);
  hasSelection.current = selection.ids.size > 0;
  const drawn = useSameNodes<string>(); // not anew when only counts have changed
  const before = useRef(address);
  useEffect(() => {
    if (before.current === address) return;
    before.current = address;
    selection.clear();
    setOutcomes(new Map());
  }, [address]);
  const show = (next: Filters, isTyping = false) => route(addressOf(next), isTyping);
  const onOutcome = (outcome: Outcome) => {
    setOutcomes((old) => new Map(old).set(outcome.id, outcome));
    if (outcome.act === "delete" && !outcome.refusal) jobs.remove(outcome.id);
  };
  return (
    <>
      <PageHead title="Jobs" beside={jobs.isLoaded && <Total jobs={jobs} />}>
        <KeysHelp />
      </PageHead>
      <FilterBar filters={filters} show={show} jobs={jobs} />
      {jobs.list.error !== undefined && (
        <ErrorNote error={jobs.list.error} retry={jobs.list.reload} />
      )}
      <NewJobs jobs={jobs} />
      {jobs.rows.length > 0 &&
        drawn("rows", [jobs.rows, jobs.next, selection, outcomes, address], () => (
          <JobsTable jobs={jobs} selection={selection} outcomes={outcomes} filters={filters} />
        ))}
      {jobs.isLoaded && jobs.rows.length === 0 && <NoJobs filters={filters} />}
      <Rest jobs={jobs} filters={filters} />
      <SelectionBar jobs={jobs.rows} selection={selection} onOutcome={onOutcome} />
    </>
  );
}

/** The focus is on a row: it must not move. */
const isReading = (): boolean => document.activeElement?.closest(".jobs-row") !== null;

function Total({ jobs }: { jobs: Jobs }) {
  const { total, mostCounted } = jobs;
  const isMore = mostCounted > 0 && total > mostCounted;
  return <span class="muted">{isMore ? `about ${count(total)} jobs` : counted(total, "job")}</span>;
}

function NewJobs({ jobs }: { jobs: Jobs }) {
  if (!jobs.newCount) return null;
  return (
    <div class="jobs-new">
      <Button
        onClick={() => {
          jobs.showNew();
          window.scrollTo({ top: 0 });
        }}
      >
        Show {counted(jobs.newCount, "new job")}
      </Button>
    </div>
  );
}

/** Below the rows: that more are read, why they can't be, or how to go on. */
function Rest({ jobs, filters }: { jobs: Jobs; filters: Filters }) {
  const last = jobs.rows.at(-1);
  if (!jobs.next || !last) return null;
  if (jobs.moreError !== undefined)
    return (
      <ErrorNote
        error={jobs.moreError}
        retry={() => jobs.onSight(jobs.rows.length, jobs.rows.length)}
      />
    );
  if (jobs.rows.length < MOST_ROWS) return <p class="muted jobs-rest">More jobs are read …</p>;
  const edge = filters.order === "newest" ? "before" : "since";
  return (
    <p class="muted jobs-rest">
      These are {count(jobs.rows.length)} jobs.{" "}
      <a href={addressOf({ ...filters, [edge]: last.createdAt })}>Go on from here</a>
    </p>
  );
}

function NoJobs({ filters }: { filters: Filters }) {
  if (isFiltered(filters))
    return (
      <EmptyState title="No job matches" text="New jobs that match appear here automatically.">
        <a class="button" href={addressOf(EVERYTHING)}>
          Clear all filters
        </a>
      </EmptyState>
    );
  const command = `CONVEYOR_URL=${location.origin} conveyor submit hello.yaml`;
  return (
    <EmptyState
      title="No jobs yet"
      text="A job is a list of tasks in a YAML file. It appears here as soon as it is submitted."
    >
      {may("submit") && (
        <a class="button button-primary" href="/ui/submit">
          Write the first job
        </a>
      )}
      <Command text={command} />
    </EmptyState>
  );
}
