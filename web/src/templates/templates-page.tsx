// The list of templates.
import "./templates.css";
import { useLocation } from "preact-iso";
import { api, data, type Schemas } from "../api/client";
import { may } from "../api/session";
import { Command } from "../ui/copy";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { counted } from "../ui/format";
import { useLoad, useRefresh } from "../ui/load";
import { PageHead } from "../ui/page-head";
import { Pager, pageOf } from "../ui/pager";
import { Mark } from "../ui/state";
import { Ago } from "../ui/time";
import { statusMark } from "./marks";

type Summary = Schemas["TemplateSummary"];

const REFRESH_MS = 30_000;
const SIZE = 50;

export default function TemplatesPage() {
  const { query } = useLocation();
  const page = pageOf(query.page);
  const q = query.q ?? "";
  const list = useLoad(`templates ${page} ${q}`, (signal) =>
    data(api.GET("/templates", { params: { query: { page, q, size: SIZE } }, signal })),
  );
  useRefresh(list.reload, REFRESH_MS);
  const found = list.data;
  return (
    <>
      <PageHead title="Templates">
        {may("submit") && (
          <a class="button" href="/ui/submit?example=template">
            New template
          </a>
        )}
      </PageHead>
      {(q || !!found?.totalItems) && <Search q={q} />}
      {!!list.error && <ErrorNote error={list.error} retry={list.reload} />}
      {found && (found.totalItems ? <Table templates={found.items} /> : <Empty isFiltered={!!q} />)}
      {found && <Pager page={page} pages={found.totalPages} at={(n) => addressOf(q, n)} />}
    </>
  );
}

function addressOf(q: string, page: number): string {
  const given = new URLSearchParams();
  if (q) given.set("q", q);
  if (page > 1) given.set("page", String(page));
  const text = given.toString();
  return text ? `/ui/templates?${text}` : "/ui/templates";
}

function Search({ q }: { q: string }) {
  const { route } = useLocation();
  return (
    <search class="toolbar" aria-label="Templates">
      <form
        class="toolbar-grow templates-search"
        onSubmit={(event) => {
          event.preventDefault();
          route(addressOf(String(new FormData(event.currentTarget).get("q")).trim(), 1));
        }}
      >
        <input
          key={q}
          name="q"
          type="search"
          aria-label="Search templates"
          placeholder="Search names and descriptions"
          defaultValue={q}
        />
      </form>
    </search>
  );
}

function Table({ templates }: { templates: readonly Summary[] }) {
  return (
    <table class="cards">
      <caption class="unseen">Templates, those pushed last first</caption>
      <thead>
        <tr>
          <th scope="col">Template</th>
          <th scope="col">Status</th>
          <th scope="col">Version</th>
          <th scope="col">Pushed</th>
          <th scope="col">Owner</th>
        </tr>
      </thead>
      <tbody>
        {templates.map((template) => (
          <Row key={template.name} template={template} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ template }: { template: Summary }) {
  const { name, description, version, versions = 1, updatedAt, owner } = template;
  return (
    <tr>
      <td class="wide">
        <a href={`/ui/templates/${name}`}>{name}</a>
        {description && <div class="muted small templates-text">{description}</div>}
      </td>
      <td>
        <Mark {...statusMark(template.status)} />
      </td>
      <td data-label="Version">
        {version}
        {versions > 1 && <span class="muted small"> of {counted(versions, "version")}</span>}
      </td>
      <td data-label="Pushed">
        <Ago at={updatedAt} />
      </td>
      <td data-label="Owner">{owner?.name}</td>
    </tr>
  );
}

function Empty({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered)
    return (
      <EmptyState title="No template matches">
        <a class="button" href="/ui/templates">
          Show all templates
        </a>
      </EmptyState>
    );
  return (
    <EmptyState
      title="No templates yet"
      text="A template is a job that is stored with the inputs it asks for: anybody runs it from a form, or with conveyor run."
    >
      {may("submit") && (
        <a class="button button-primary" href="/ui/submit?example=template">
          Write the first template
        </a>
      )}
      <Command text={`CONVEYOR_URL=${location.origin} conveyor templates push job.yaml`} />
    </EmptyState>
  );
}
