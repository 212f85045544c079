// The list of webhook endpoints, and the form for a new one.
import "./webhooks.css";
import { useLocation } from "preact-iso";
import { api, data } from "../api/client";
import { may } from "../api/session";
import { Command } from "../ui/copy";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { useLoad, useRefresh } from "../ui/load";
import { PageHead } from "../ui/page-head";
import { Pager, pageOf } from "../ui/pager";
import { Mark } from "../ui/state";
import { Ago } from "../ui/time";
import { EndpointForm } from "./endpoint-form";
import { creation } from "./form-values";
import { type Endpoint, health, hostOf, nameOf } from "./health";
import { newSecret } from "./secret-note";

const REFRESH_MS = 10_000;
const PAGE_SIZE = 20;

export default function WebhooksPage() {
  const { query } = useLocation();
  return query.new && may("submit") ? <NewWebhook /> : <Webhooks page={pageOf(query.page)} />;
}

function Webhooks({ page }: { page: number }) {
  const query = { page, size: PAGE_SIZE };
  const list = useLoad(`webhooks ${page}`, (signal) =>
    data(api.GET("/webhooks", { params: { query }, signal })),
  );
  useRefresh(list.reload, REFRESH_MS);
  const found = list.data;
  return (
    <>
      <PageHead title="Webhooks">
        {may("submit") && !!found?.totalItems && (
          <a class="button" href="/ui/webhooks?new=1">
            New webhook
          </a>
        )}
      </PageHead>
      {!!list.error && <ErrorNote error={list.error} retry={list.reload} />}
      {found && (found.totalItems ? <Endpoints endpoints={found.items} /> : <NoWebhooks />)}
      {found && <Pager page={page} pages={found.totalPages} at={(n) => `/ui/webhooks?page=${n}`} />}
    </>
  );
}

function Endpoints({ endpoints }: { endpoints: readonly Endpoint[] }) {
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Webhook</th>
          <th scope="col">Health</th>
          <th scope="col">Events</th>
          <th scope="col">Last delivery</th>
          <th scope="col" class="number">
            Rate limit
          </th>
        </tr>
      </thead>
      <tbody>
        {endpoints.map((endpoint) => (
          <EndpointRow key={endpoint.id} endpoint={endpoint} />
        ))}
      </tbody>
    </table>
  );
}

function EndpointRow({ endpoint }: { endpoint: Endpoint }) {
  const { description, url, events, lastDelivery, ratePerSecond } = endpoint;
  return (
    <tr>
      <td class="wide webhooks-name">
        <a href={`/ui/webhooks/${endpoint.id}`}>{nameOf(endpoint)}</a>
        {description && <div class="muted small">{hostOf(url)}</div>}
      </td>
      <td>
        <Mark {...health(endpoint)} />
        <Since endpoint={endpoint} />
      </td>
      <td class="wide">
        <span class="webhooks-list">
          {events.map((event) => (
            <code key={event}>{event}</code>
          ))}
        </span>
      </td>
      <td data-label="Last delivery">
        {lastDelivery ? <Ago at={lastDelivery.createdAt} /> : <span class="muted">none</span>}
      </td>
      <td class="number" data-label="Rate limit">
        {ratePerSecond ? `${ratePerSecond} / s` : <span class="muted">none</span>}
      </td>
    </tr>
  );
}

function Since({ endpoint }: { endpoint: Endpoint }) {
  const at = endpoint.disabled ? endpoint.disabledAt : endpoint.failingSince;
  if (!at) return null;
  return (
    <div class="muted small">
      since <Ago at={at} />
      {endpoint.disabledReason && `: ${endpoint.disabledReason}`}
    </div>
  );
}

function NoWebhooks() {
  return (
    <EmptyState
      title="No webhooks yet"
      text="A webhook posts what happens to your jobs, tasks and schedules to a URL, signed and repeated until it is taken."
    >
      {may("submit") && (
        <a class="button button-primary" href="/ui/webhooks?new=1">
          Create a webhook
        </a>
      )}
      <Command text="conveyor webhooks add https://example.com/hook --event job.StateChange" />
    </EmptyState>
  );
}

function NewWebhook() {
  const { route } = useLocation();
  return (
    <>
      <PageHead title="New webhook" />
      <EndpointForm
        cancelHref="/ui/webhooks"
        save={async (values) => {
          const made = await data(api.POST("/webhooks", { body: creation(values) }));
          if (made.secret) newSecret.value = { id: made.id, secret: made.secret };
          route(`/ui/webhooks/${made.id}`, true);
        }}
      />
    </>
  );
}
