// What a job was given, what its tasks have left for each other, and what it returns.
import type { ComponentChildren } from "preact";
import { api, data, type Schemas } from "../api/client";
import { Copy } from "../ui/copy";
import { ErrorNote } from "../ui/error-note";
import { useLoad } from "../ui/load";
import { isFinal } from "../ui/state";
import type { TabProps } from "./job-page";
import { JsonTree, parsed } from "./json-tree";

export function DataTab({ job }: TabProps) {
  // While it runs, what its tasks leave changes with its position.
  const key = `data ${job.id} ${job.state} ${job.position}`;
  const found = useLoad(key, (signal) =>
    data(
      api.GET("/jobs/{id}", { params: { path: { id: job.id }, query: { tasks: false } }, signal }),
    ),
  );
  if (found.error !== undefined) return <ErrorNote error={found.error} retry={found.reload} />;
  return found.data ? <Sections job={found.data} /> : null;
}

function Sections({ job }: { job: Schemas["Job"] }) {
  const { inputs, context, secrets, uploads, permissions, defaults } = job;
  return (
    <div class="stack">
      <Section title="Inputs" value={inputs}>
        The job has no inputs. Give it some, and read them in its tasks:
        <pre>{"inputs: {name: world}\n# in a task\nenv: {NAME: '{{ inputs.name }}'}"}</pre>
      </Section>
      <Section title="Results of its tasks" value={mapped(context.tasks)}>
        {isFinal(job.state) ? "No task has left a result." : "No task has left a result so far."} A
        task with <code>var: x</code> leaves what it writes to <code>$TORK_OUTPUT</code>; later
        tasks read it as <code>{"{{ tasks.x }}"}</code>.
      </Section>
      <Section title="Output" value={job.result == null ? undefined : parsed(job.result)}>
        {job.output ? (
          <>
            It will be <code>{job.output}</code>, once the job is completed.
          </>
        ) : (
          <>
            The job has no output. Say what it returns with <code>{'output: "{{ tasks.x }}"'}</code>
            .
          </>
        )}
      </Section>
      {secrets && <Section title="Secrets" value={secrets} />}
      {uploads && <Section title="Uploads" value={uploads} />}
      {defaults && <Section title="Defaults of its tasks" value={defaults} />}
      {permissions && <Section title="Permissions" value={permissions} />}
    </div>
  );
}

const mapped = (texts: Record<string, string> | null | undefined) =>
  texts && Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, parsed(text)]));

interface SectionProps {
  title: string;
  value: unknown;
  /** What to say where there is nothing. */
  children?: ComponentChildren;
}

function Section({ title, value, children }: SectionProps) {
  const isThere = value !== undefined && value !== null;
  return (
    <section aria-label={title}>
      <div class="row">
        <h2>{title}</h2>
        {isThere && (
          <Copy text={typeof value === "string" ? value : JSON.stringify(value, null, 2)} />
        )}
      </div>
      {isThere ? <JsonTree value={value} open={3} /> : <div class="muted">{children}</div>}
    </section>
  );
}
