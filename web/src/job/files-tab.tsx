// What the tasks of a job and of its sub-jobs have kept: artifacts, and what is in their directories.
import { useLocation } from "preact-iso";
import { type Schemas, send } from "../api/client";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { bytes, counted } from "../ui/format";
import { useLoad } from "../ui/load";
import { Pager, pageOf } from "../ui/pager";
import { Ago } from "../ui/time";
import { jobHref } from "./address";
import type { TabProps } from "./job-page";

type Page = Schemas["ArtifactPage"] | Schemas["EntryPage"];

const PAGE_SIZE = 100;

export function FilesTab({ job }: TabProps) {
  const { query } = useLocation();
  const path = query.path;
  const depth = Number(query.depth ?? 1);
  const page = pageOf(query.page);
  const found = useLoad<Page>(`files ${job.id} ${job.state} ${path} ${page}`, async (signal) => {
    const asked = new URLSearchParams({ page: String(page), size: String(PAGE_SIZE) });
    if (path) asked.set("path", path);
    // Its answer may be a tar as well: the types can't tell which.
    return (await (await send(`/jobs/${job.id}/files?${asked}`, { signal })).json()) as Page;
  });
  if (found.error !== undefined) return <ErrorNote error={found.error} retry={found.reload} />;
  if (!found.data) return null;
  const { items, totalItems, totalPages } = found.data;
  if (totalItems === 0 && !path) return <NoFiles />;
  return (
    <section aria-label="Files">
      <div class="toolbar">
        <Crumbs jobId={job.id} path={path} depth={depth} />
        {!path && (
          <>
            <a class="button" href={jobHref(job.id, { tab: "provenance" })}>
              What made them
            </a>
            <a class="button" href={`/jobs/${job.id}/files?format=tar`} download>
              Download all as a tar
            </a>
          </>
        )}
      </div>
      <table class="cards">
        <thead>
          <tr>
            <th>Name</th>
            <th>Task</th>
            <th class="number">Size</th>
            <th class="number">Kept</th>
            <th>
              <span class="unseen">Acts</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) =>
            "taskId" in item ? (
              <Artifact key={item.url} jobId={job.id} item={item} />
            ) : (
              <Inner key={item.path} jobId={job.id} item={item} depth={depth} />
            ),
          )}
        </tbody>
      </table>
      <Pager
        page={page}
        pages={totalPages}
        ways={["Previous", "Next"]}
        at={(number) =>
          jobHref(job.id, { tab: "files", path, depth: query.depth, page: `${number}` })
        }
      />
    </section>
  );
}

interface CrumbsProps {
  jobId: string;
  path: string | undefined;
  /** So many parts of the path are the artifact; what is before it is no directory. */
  depth: number;
}

function Crumbs({ jobId, path, depth }: CrumbsProps) {
  const parts = path?.split("/") ?? [];
  return (
    <nav class="toolbar-grow" aria-label="Directory">
      <a href={jobHref(jobId, { tab: "files" })}>Files</a>
      {parts.map((part, index) => {
        const whole = parts.slice(0, index + 1).join("/");
        const isLast = index === parts.length - 1;
        return (
          <span key={whole}>
            {" / "}
            {isLast || index + 1 < depth ? (
              <span aria-current={isLast ? "page" : undefined}>{part}</span>
            ) : (
              <a href={jobHref(jobId, { tab: "files", path: whole, depth: `${depth}` })}>{part}</a>
            )}
          </span>
        );
      })}
    </nav>
  );
}

const fileHref = (jobId: string, path: string) =>
  `/jobs/${jobId}/files/${path.split("/").map(encodeURIComponent).join("/")}`;

const depthOf = (path: string) => `${path.split("/").length}`;

function Artifact({ jobId, item }: { jobId: string; item: Schemas["KeptArtifact"] }) {
  const isDirectory = item.files != null;
  return (
    <tr>
      <td class="wide">
        {isDirectory ? (
          <a href={jobHref(jobId, { tab: "files", path: item.path, depth: depthOf(item.path) })}>
            {item.path}/
          </a>
        ) : (
          <a href={item.url} download={item.fileName}>
            {item.path}
          </a>
        )}
        {item.published?.map((where) => (
          <div class="small muted" key={where}>
            Published: {where}
          </div>
        ))}
      </td>
      <td>
        <a href={jobHref(item.jobId, { task: item.taskId })}>
          {item.task || "task"}
          {item.index != null && ` #${item.index}`}
        </a>
        {item.attempt > 0 && <span class="muted"> attempt {item.attempt + 1}</span>}
      </td>
      <td class="number">
        {bytes(item.size)}
        {isDirectory && <div class="small muted">{counted(item.files ?? 0, "file")}</div>}
      </td>
      <td class="number">
        <Ago at={item.createdAt} />
      </td>
      <td>
        <Download href={item.url} name={item.path} isDirectory={isDirectory} />
      </td>
    </tr>
  );
}

interface InnerProps {
  jobId: string;
  item: Schemas["Entry"];
  depth: number;
}

function Inner({ jobId, item, depth }: InnerProps) {
  const isDirectory = item.kind === "directory";
  const href = isDirectory
    ? jobHref(jobId, { tab: "files", path: item.path, depth: `${depth}` })
    : fileHref(jobId, item.path);
  return (
    <tr>
      <td class="wide">
        {item.kind === "symlink" ? (
          <>
            {item.name} <span class="muted">→ {item.target}</span>
          </>
        ) : (
          <a href={href} download={isDirectory ? undefined : item.name}>
            {item.name}
            {isDirectory && "/"}
          </a>
        )}
      </td>
      <td />
      <td class="number">{item.size != null && bytes(item.size)}</td>
      <td />
      <td>
        {item.kind !== "symlink" && (
          <Download href={fileHref(jobId, item.path)} name={item.name} isDirectory={isDirectory} />
        )}
      </td>
    </tr>
  );
}

interface DownloadProps {
  href: string;
  name: string;
  isDirectory: boolean;
}

function Download({ href, name, isDirectory }: DownloadProps) {
  return (
    <a class="button button-small" href={href} download>
      Download{isDirectory && " tar"}
      <span class="unseen"> {name}</span>
    </a>
  );
}

function NoFiles() {
  return (
    <EmptyState
      title="No task has kept a file"
      text="Name what to keep in a task, and it is here when the task has ended:"
    >
      <pre class="job-example">{"artifacts:\n- {name: report, path: out/report.pdf}"}</pre>
    </EmptyState>
  );
}
