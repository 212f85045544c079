// The job as it was submitted.
import { send } from "../api/client";
import { may } from "../api/session";
import { Copy } from "../ui/copy";
import { ErrorNote } from "../ui/error-note";
import { useLoad } from "../ui/load";
import type { TabProps } from "./job-page";

export function DefinitionTab({ job }: TabProps) {
  const found = useLoad(`definition ${job.id}`, async (signal) =>
    (await send(`/jobs/${job.id}/definition?format=yaml`, { signal })).text(),
  );
  if (found.error !== undefined) return <ErrorNote error={found.error} retry={found.reload} />;
  if (found.data === undefined) return null;
  return (
    <section aria-label="Definition">
      <div class="toolbar">
        <Copy text={found.data} label="Copy YAML" />
        {may("submit") && (
          <a class="button button-small" href={`/ui/submit?from=${job.id}`}>
            Run again with edits
          </a>
        )}
        <span class="muted">As it was submitted; the values of secrets are left out.</span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard */}
      <pre class="panel panel-body" tabIndex={0}>
        {found.data}
      </pre>
    </section>
  );
}
