// Which submissions a job was the answer to, and why.
import { api, data, type Schemas } from "../api/client";
import { Fact } from "../ui/fact";
import { useLoad } from "../ui/load";
import { At } from "../ui/time";
import { jobHref } from "./address";
import { reuseText } from "./words";

export function JobReuse({ job }: { job: Schemas["JobHeader"] }) {
  const found = useLoad(`reuse ${job.id}`, (signal) =>
    data(api.GET("/jobs/{id}/reuse", { params: { path: { id: job.id } }, signal })),
  );
  const last = found.data?.submissions[0];
  if (!found.data || !last) return null;
  const near = last.nearestMiss;
  return (
    <Fact name="Reuse">
      <details>
        <summary>{reuseText(found.data)}</summary>
        <p>
          Submitted <At at={last.createdAt} />
          {last.createdBy?.username && ` by ${last.createdBy.username}`}; jobs that were left by
          each rule:
        </p>
        <ul>
          {last.steps.map((step) => (
            <li key={step.name}>{`${step.left}: ${step.rule}`}</li>
          ))}
        </ul>
        {near && (
          <p>
            <a href={jobHref(near.jobId)}>The nearest job</a>
            {` differs in ${near.differences.join(", ")}`}
            {near.count > near.differences.length && " and more"}
          </p>
        )}
      </details>
    </Fact>
  );
}
