// The deliveries of an endpoint, by their state; one of them, when the address names it.
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api, data, type Schemas } from "../api/client";
import { may } from "../api/session";
import { useAct } from "../ui/act";
import { announce } from "../ui/announce";
import { Confirm } from "../ui/button";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { count, counted } from "../ui/format";
import { useLoad, useRefresh } from "../ui/load";
import { Pager, pageOf } from "../ui/pager";
import { Tabs } from "../ui/tabs";
import { DeliveryTable } from "./delivery-table";
import { DeliveryView } from "./delivery-view";
import type { Endpoint } from "./health";

const REFRESH_MS = 5000;
const PAGE_SIZE = 20;
const STATES = [
  { state: "", name: "All" },
  { state: "PENDING", name: "Waiting" },
  { state: "DELIVERED", name: "Delivered" },
  { state: "FAILED", name: "Given up" },
] as const;

type DeliveryState = (typeof STATES)[number]["state"];

export function Deliveries({ endpoint }: { endpoint: Endpoint }) {
  const { query } = useLocation();
  const at = `/ui/webhooks/${endpoint.id}`;
  const state = STATES.find((one) => one.state === query.state)?.state ?? "";
  if (query.delivery)
    return <DeliveryView id={query.delivery} backHref={at} mayResend={!endpoint.disabled} />;
  const tabs = STATES.map((one) => ({
    name: one.name,
    href: one.state ? `${at}?state=${one.state}` : at,
    isCurrent: one.state === state,
  }));
  return (
    <section class="section" aria-label="Deliveries">
      <h2>Deliveries</h2>
      <Tabs label="Deliveries by state" tabs={tabs} />
      <List endpoint={endpoint} state={state} page={pageOf(query.page)} at={at} />
    </section>
  );
}

interface ListProps {
  endpoint: Endpoint;
  state: DeliveryState;
  page: number;
  at: string;
}

function List({ endpoint, state, page, at }: ListProps) {
  const params = { path: { id: endpoint.id }, query: { state, page, size: PAGE_SIZE } };
  const list = useLoad(`deliveries ${endpoint.id} ${state} ${page}`, (signal) =>
    data(api.GET("/webhooks/{id}/deliveries", { params, signal })),
  );
  useRefresh(list.reload, REFRESH_MS);
  const found = list.data;
  const hrefOf = (more: Record<string, string>) =>
    `${at}?${new URLSearchParams({ ...(state && { state }), ...more })}`;
  const mayResend = may("operate") && !endpoint.disabled;
  return (
    <>
      {!!list.error && <ErrorNote error={list.error} retry={list.reload} />}
      {state === "FAILED" && mayResend && !!found?.totalItems && (
        <ResendFailed id={endpoint.id} onDone={list.reload} />
      )}
      {found &&
        (found.totalItems ? (
          <>
            <p class="muted small">{counted(found.totalItems, "delivery", "deliveries")}</p>
            <DeliveryTable deliveries={found.items} hrefOf={(id) => hrefOf({ delivery: id })} />
          </>
        ) : (
          <NoDeliveries state={state} />
        ))}
      {found && <Pager page={page} pages={found.totalPages} at={(n) => hrefOf({ page: `${n}` })} />}
    </>
  );
}

const NONE: Record<DeliveryState, string> = {
  "": "Nothing was sent yet",
  PENDING: "Nothing waits to be sent",
  DELIVERED: "Nothing was delivered yet",
  FAILED: "Nothing was given up",
};

function NoDeliveries({ state }: { state: DeliveryState }) {
  return (
    <EmptyState
      title={NONE[state]}
      text={state === "" ? "Send a test, or wait for the next event." : undefined}
    />
  );
}

const SINCE = [
  { value: "1h", name: "the last hour" },
  { value: "24h", name: "the last 24 hours" },
  { value: "7d", name: "the last 7 days" },
];

function ResendFailed({ id, onDone }: { id: string; onDone: () => void }) {
  const [since, setSince] = useState("24h");
  const { act, error } = useAct(onDone);
  const [done, setDone] = useState<Schemas["Resent"]>();
  const resend = async () => {
    await act(async () => {
      const params = { path: { id } };
      const sent = await data(api.POST("/webhooks/{id}/resend", { params, body: { since } }));
      setDone(sent);
      announce(`${counted(sent.resent, "delivery", "deliveries")} sent again.`);
    });
  };
  return (
    <div class="toolbar">
      <Confirm
        kind="plain"
        label="Send all again"
        question="Send again what was given up in"
        yes="Send again"
        onConfirm={resend}
      >
        <select
          aria-label="Given up since"
          value={since}
          onChange={(event) => setSince(event.currentTarget.value)}
        >
          {SINCE.map(({ value, name }) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </Confirm>
      {done && (
        <span class="muted">
          {counted(done.resent, "delivery", "deliveries")} sent again
          {done.remaining > 0 && `; ${count(done.remaining)} left: repeat it`}.
        </span>
      )}
      {!!error && <ErrorNote error={error} />}
    </div>
  );
}
