// The versions of a job with placed tasks: what changed, and the way back.
import { useLocation } from "preact-iso";
import { api, data, type Schemas } from "../api/client";
import { useAct } from "../ui/act";
import { Confirm } from "../ui/button";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { useLoad } from "../ui/load";
import { Ago } from "../ui/time";
import { jobHref } from "./address";
import { changedLines, type Line } from "./diff";
import type { TabProps } from "./job-page";

type Version = Schemas["JobVersion"];

export function VersionsTab({ job }: TabProps) {
  const { query } = useLocation();
  const found = useLoad(`versions ${job.id}`, (signal) =>
    data(api.GET("/jobs/{id}/versions", { params: { path: { id: job.id } }, signal })),
  );
  const { act, error } = useAct(found.reload);
  if (found.error !== undefined) return <ErrorNote error={found.error} retry={found.reload} />;
  if (!found.data) return null;
  if (found.data.length === 0) return <NoVersions />;
  const back = async (version: number) => {
    const params = { path: { id: job.id }, query: { version } };
    const rollBack = () => api.POST("/jobs/{id}/rollback", { params });
    await act(rollBack, `Version ${version} is current again`);
  };
  const chosen = Number(query.version) || undefined;
  return (
    <section aria-label="Versions" class="stack">
      {error !== undefined && <ErrorNote error={error} />}
      <table class="cards">
        <thead>
          <tr>
            <th>Version</th>
            <th>Reason</th>
            <th>By</th>
            <th>When</th>
            <th>
              <span class="unseen">Acts</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {found.data.map((one) => (
            <VersionRow key={one.version} job={job} one={one} back={back} />
          ))}
        </tbody>
      </table>
      {chosen && <Changes jobId={job.id} version={chosen} versions={found.data} />}
    </section>
  );
}

interface RowProps {
  job: TabProps["job"];
  one: Version;
  back: (version: number) => Promise<void>;
}

function VersionRow({ job, one, back }: RowProps) {
  const href = jobHref(job.id, { tab: "versions", version: String(one.version) });
  return (
    <tr>
      <td>
        <a href={href}>
          {one.version}
          {one.isCurrent && ", current"}
        </a>
      </td>
      <td>{one.reason}</td>
      <td>{one.createdBy?.username}</td>
      <td>
        <Ago at={one.createdAt} />
      </td>
      <td>
        {!one.isCurrent && job.access === "operate" && (
          <Confirm
            small
            kind="plain"
            label={`Roll back to ${one.version}`}
            question={`Make version ${one.version} the current one?`}
            yes="Roll back"
            onConfirm={() => back(one.version)}
          />
        )}
      </td>
    </tr>
  );
}

interface ChangesProps {
  jobId: string;
  version: number;
  versions: readonly Version[];
}

/** What a version changed of the one before. */
function Changes({ jobId, version, versions }: ChangesProps) {
  const before = versions.find((one) => one.version < version)?.version;
  const found = useLoad(`version ${jobId} ${version} ${before}`, async (signal) => {
    const read = (number: number) =>
      data(
        api.GET("/jobs/{id}/versions/{version}", {
          params: { path: { id: jobId, version: String(number) } },
          signal,
        }),
      );
    const now = await read(version);
    const old = before === undefined ? undefined : await read(before);
    return changedLines(textOf(old?.definition), textOf(now.definition));
  });
  if (found.error !== undefined) return <ErrorNote error={found.error} retry={found.reload} />;
  return (
    <section aria-label={`Version ${version}`}>
      <h2>{before ? `What version ${version} changed` : `Version ${version}`}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard */}
      <pre class="panel panel-body" tabIndex={0}>
        {found.data?.map((line) => (
          <DiffLine key={line.key} line={line} />
        ))}
      </pre>
    </section>
  );
}

const textOf = (definition: unknown) =>
  definition === undefined ? "" : JSON.stringify(definition, null, 2);

function DiffLine({ line }: { line: Line }) {
  const classes = { "+": "job-added", "-": "job-removed", " ": undefined };
  return (
    <span class={classes[line.sign]}>
      {line.sign} {line.text}
      {"\n"}
    </span>
  );
}

function NoVersions() {
  return (
    <EmptyState
      title="This job has no versions"
      text={
        <>
          Jobs with placed tasks have: give a task <code>{"placement: {type: service}"}</code>, and
          change the job while it runs with <code>PUT /jobs/ID</code>.
        </>
      }
    />
  );
}
