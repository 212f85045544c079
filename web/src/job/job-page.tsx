// One job: what it is and does, where it failed or waits, and its tabs.
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { lazy, useLocation } from "preact-iso";
import { ApiError, api, data, type Schemas } from "../api/client";
import { endOf } from "../log/log";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote, message } from "../ui/error-note";
import { readEarly, type Source, useLoad } from "../ui/load";
import { PageHead } from "../ui/page-head";
import { Tabs } from "../ui/tabs";
import { jobHref, type Query, TABS, type TabName, tabOf } from "./address";
import { JobFailure } from "./job-failure";
import { JobHead } from "./job-head";
import { JobWaiting } from "./job-waiting";
import { useChanges } from "./live";
import { TaskPage } from "./task-page";
import { familyOf } from "./task-rows";
import { askedBy, TasksTab } from "./tasks-tab";
import "./job.css";

export interface TabProps {
  job: Schemas["JobHeader"];
  /** Rises when something of the job has changed. */
  changes: number;
}

type Tab = ComponentType<TabProps> & { preload?: () => Promise<unknown> };

const tab = (load: () => Promise<ComponentType<TabProps>>): Tab =>
  lazy(async () => ({ default: await load() }));

const CONTENTS: Record<TabName, Tab> = {
  tasks: TasksTab,
  timeline: tab(async () => (await import("./component-tabs")).TimelineTab),
  graph: tab(async () => (await import("./component-tabs")).GraphTab),
  log: tab(async () => (await import("./component-tabs")).LogTab),
  webhooks: tab(async () => (await import("./component-tabs")).WebhooksTab),
  data: tab(async () => (await import("./data-tab")).DataTab),
  files: tab(async () => (await import("./files-tab")).FilesTab),
  provenance: tab(async () => (await import("./provenance-tab")).ProvenanceTab),
  definition: tab(async () => (await import("./definition-tab")).DefinitionTab),
  versions: tab(async () => (await import("./versions-tab")).VersionsTab),
};

const WHOLE_ID = /^[0-9a-f]{32}$/;

/** What a name or the beginning of an id stands for must be known before its tasks are. */
export async function begin(at: URL, { id = "" }: { id?: string }): Promise<void> {
  const query: Query & Record<string, string> = Object.fromEntries(at.searchParams);
  const current = tabOf(query);
  const isOfJob = !query.task && WHOLE_ID.test(id);
  await Promise.all([
    CONTENTS[current].preload?.(),
    readEarly(headerOf(id)),
    isOfJob && current === "tasks" && readEarly(familyOf(askedBy(id, query))),
    isOfJob && current === "log" && readEarly(endOf({ jobId: id, taskId: undefined })),
  ]);
}

const headerOf = (id: string): Source<Schemas["JobHeader"]> => [
  `job ${id}`,
  (signal) => {
    const params = { path: { id }, query: { details: true } };
    return data(api.GET("/jobs/{id}/summary", { params, signal }));
  },
];

export default function JobPage({ id = "" }: { id?: string }) {
  const { query, route } = useLocation();
  const found = useLoad(...headerOf(id));
  const changes = useChanges(found.data, found.reload);
  const job = found.data;
  useEffect(() => {
    // It was found by its name, or by the beginning of its id.
    if (job && job.id !== id) route(jobHref(job.id, query), true);
  }, [job?.id]);
  if (!job) return found.error ? <NoJob error={found.error} retry={found.reload} /> : <Loading />;
  const current = tabOf(query);
  const Content = CONTENTS[current];
  return (
    <>
      <JobHead job={job} reload={found.reload} />
      {isUnreadable(found.error) && <ErrorNote error={found.error} retry={found.reload} />}
      {!query.task && <JobFailure job={job} />}
      {!query.task && <JobWaiting job={job} />}
      <Tabs label="Of the job" tabs={tabsOf(job, current, !!query.task)} />
      {query.task ? (
        <TaskPage job={job} taskId={query.task} changes={changes} reload={found.reload} />
      ) : (
        <Content job={job} changes={changes} />
      )}
    </>
  );
}

const isUnreadable = (error: unknown) => error instanceof ApiError && error.status !== 0;

function tabsOf(job: TabProps["job"], current: TabName, isTask: boolean) {
  return TABS.filter(([name]) => name === current || hasTab(job, name)).map(([name, word]) => ({
    name: word,
    href: jobHref(job.id, { tab: name === "tasks" ? undefined : name }),
    isCurrent: name === (isTask ? "tasks" : current),
  }));
}

function hasTab(job: TabProps["job"], name: TabName): boolean {
  if (name === "provenance") return false; // the files lead there
  if (name === "graph") return job.hasBranches === true;
  if (name === "versions") return job.hasVersions === true;
  return true;
}

function Loading() {
  return <PageHead title="Job" />;
}

function NoJob({ error, retry }: { error: unknown; retry: () => void }) {
  const status = error instanceof ApiError ? error.status : undefined;
  const isMissing = status === 404 || status === 403;
  if (!isMissing && status !== 409)
    return (
      <>
        <PageHead title="Job" />
        <ErrorNote error={error} retry={retry} />
      </>
    );
  return (
    <>
      <PageHead title={isMissing ? "No such job" : "Several jobs"} />
      <EmptyState
        title={isMissing ? "There is no job at this address" : "Several jobs have this name"}
        text={
          isMissing
            ? "It was deleted, or it is not shared with you."
            : message(error).replaceAll("; ", ";\n")
        }
      >
        <a class="button" href="/">
          All jobs
        </a>
      </EmptyState>
    </>
  );
}
