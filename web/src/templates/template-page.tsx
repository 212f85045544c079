// One template: the form to run it, its versions, its file.
import "./templates.css";
import { useLocation } from "preact-iso";
import { api, data, type Schemas, send } from "../api/client";
import { may } from "../api/session";
import type { Params } from "../app/routes";
import { useAct } from "../ui/act";
import { Button, Confirm } from "../ui/button";
import { Command, Copy } from "../ui/copy";
import { ErrorNote } from "../ui/error-note";
import { useLoad } from "../ui/load";
import { PageHead } from "../ui/page-head";
import { Mark } from "../ui/state";
import { Ago } from "../ui/time";
import type { Template } from "./inputs";
import { statusMark } from "./marks";
import { RunForm } from "./run-form";

export default function TemplatePage({ id: name = "" }: Params) {
  const { query } = useLocation();
  const version = query.version ?? "latest";
  const loaded = useLoad(`template ${name} ${version}`, async (signal) => {
    const path = { name, version };
    const [shown, all] = await Promise.all([
      data(api.GET("/templates/{name}/versions/{version}", { params: { path }, signal })),
      data(api.GET("/templates/{name}", { params: { path: { name } }, signal })),
    ]);
    return { shown, versions: all.versions };
  });
  if (!loaded.data)
    return (
      <>
        <PageHead title={name} />
        {!!loaded.error && <ErrorNote error={loaded.error} retry={loaded.reload} />}
      </>
    );
  const { shown, versions } = loaded.data;
  return (
    <>
      <Head template={shown} reload={loaded.reload} />
      {shown.description && <p class="templates-text">{shown.description}</p>}
      <div class="templates-grid">
        <div class="stack">
          <Run template={shown} />
        </div>
        <div class="stack">
          <Versions versions={versions} shown={shown.version} />
          <a href={`/?q=${encodeURIComponent(`template:${shown.name}`)}`}>Jobs of this template</a>
        </div>
      </div>
      <File key={shown.version + shown.revision} template={shown} />
    </>
  );
}

function Head({ template, reload }: { template: Template; reload: () => void }) {
  const { route } = useLocation();
  const { act, error } = useAct();
  const { name, version, status } = template;
  const params = { path: { name, version } };
  const at = "/templates/{name}/versions/{version}";
  const isActive = status === "active";
  const toggle = () =>
    act(() => api.PUT(isActive ? `${at}/deactivate` : `${at}/activate`, { params })).then(reload);
  const remove = async () => {
    if (await act(() => api.DELETE(at, { params }))) route("/ui/templates", true);
  };
  return (
    <>
      <PageHead title={`${name}@${version}`} beside={<Mark {...statusMark(status)} badge />}>
        {may("submit") && template.access === "operate" && (
          <a class="button" href={`/ui/submit?template=${name}@${version}`}>
            Edit
          </a>
        )}
        {template.access === "operate" && (
          <>
            <Button onClick={() => void toggle()}>{isActive ? "Deactivate" : "Activate"}</Button>
            <Confirm
              label="Delete"
              question={`Delete version ${version}? Its jobs stay.`}
              yes="Delete the version"
              onConfirm={remove}
            />
          </>
        )}
      </PageHead>
      {!!error && <ErrorNote error={error} />}
    </>
  );
}

function Run({ template }: { template: Template }) {
  if (!may("submit")) return <p class="muted">You may look at templates, but not submit jobs.</p>;
  if (template.status !== "active")
    return <p class="note">This version is inactive: activate it to run it.</p>;
  return (
    <>
      <RunForm key={template.version + template.revision} template={template} />
      <Command text={`conveyor run ${template.name}@${template.version} --follow`} />
    </>
  );
}

interface VersionsProps {
  versions: readonly Schemas["TemplateSummary"][];
  shown: string;
}

function Versions({ versions, shown }: VersionsProps) {
  return (
    <section aria-label="Versions">
      <h2>Versions</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Status</th>
            <th scope="col">Pushed</th>
          </tr>
        </thead>
        <tbody>
          {versions.map(({ name, version, status, updatedAt }) => (
            <tr key={version}>
              <td>
                <a
                  href={`/ui/templates/${name}?version=${version}`}
                  aria-current={version === shown ? "page" : undefined}
                >
                  {version}
                </a>
              </td>
              <td>
                <Mark {...statusMark(status)} />
              </td>
              <td>
                <Ago at={updatedAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function File({ template }: { template: Template }) {
  const { name, version, revision } = template;
  const found = useLoad(`template file ${name} ${version} ${revision}`, async (signal) => {
    const path = `/templates/${name}/versions/${version}/definition?format=yaml`;
    return (await send(path, { signal })).text();
  });
  if (found.error !== undefined) return <ErrorNote error={found.error} retry={found.reload} />;
  if (found.data === undefined) return null;
  return (
    <section aria-label="File">
      <div class="toolbar">
        <h2>File</h2>
        <Copy text={found.data} label="Copy YAML" />
        <span class="muted">As it was pushed; the values of secrets are left out.</span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard */}
      <pre class="panel panel-body" tabIndex={0}>
        {found.data}
      </pre>
    </section>
  );
}
