// What made the files of a job, from what.
import { useMemo } from "preact/hooks";
import { api, data } from "../api/client";
import { GraphDrawing } from "../timeline/graph-drawing";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { useLoad } from "../ui/load";
import { jobHref } from "./address";
import type { TabProps } from "./job-page";
import { provenanceOf } from "./provenance";

export function ProvenanceTab({ job }: TabProps) {
  const found = useLoad(`provenance ${job.id} ${job.state}`, (signal) =>
    data(api.GET("/jobs/{id}/provenance", { params: { path: { id: job.id } }, signal })),
  );
  const graph = useMemo(() => found.data && provenanceOf(found.data), [found.data]);
  if (found.error !== undefined) return <ErrorNote error={found.error} retry={found.reload} />;
  if (!graph) return null;
  if (graph.nodes.length === 0)
    return (
      <EmptyState
        title="No task has used or kept a file"
        text="Of those that do it is shown here what they made, and from what."
      />
    );
  return (
    <section aria-label="Provenance">
      <div class="toolbar">
        <span class="toolbar-grow muted">
          Files, the attempts that made them, and what those used.
        </span>
        <a class="button" href={`/jobs/${job.id}/provenance`} download={`${job.id}.prov.json`}>
          Download as W3C PROV
        </a>
      </div>
      <GraphDrawing
        graph={graph}
        look={({ kind }) => (kind === "Task" ? "state-running" : "state-waiting")}
        draw={({ name, fact, kind, task }, walked, around) => {
          const body = (
            <>
              <span class="graph-name cut">{name}</span>
              <span class="graph-facts">
                <span>{kind}</span>
                <span class="muted cut">{fact}</span>
              </span>
              <span class="unseen">{around}</span>
            </>
          );
          return task ? (
            <a class="graph-body" href={jobHref(task.jobId, { task: task.id })} {...walked}>
              {body}
            </a>
          ) : (
            <button type="button" class="graph-body" aria-disabled="true" {...walked}>
              {body}
            </button>
          );
        }}
        textOf={({ kind, fact }) => `${kind.toLowerCase()}${fact && `, ${fact}`}`}
        otherwise="download it, and draw it with a tool for W3C PROV."
      />
    </section>
  );
}
