// What became of the webhooks of one job: its own, and endpoints that hear of it.
import "./webhooks.css";
import { useLocation } from "preact-iso";
import { api, data } from "../api/client";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { counted } from "../ui/format";
import { useLoad, useRefresh } from "../ui/load";
import { Pager, pageOf } from "../ui/pager";
import { DeliveryTable } from "./delivery-table";
import { DeliveryView } from "./delivery-view";

const REFRESH_MS = 5000;
const PAGE_SIZE = 20;

/** Adds `delivery` and `page` to the address it stands at. */
export function JobDeliveries({ jobId }: { jobId: string }) {
  const { path, query } = useLocation();
  const { delivery, page, ...rest } = query;
  const hrefOf = (more: Record<string, string>) =>
    `${path}?${new URLSearchParams({ ...rest, ...more })}`;
  if (delivery) return <DeliveryView id={delivery} backHref={hrefOf({})} mayResend />;
  return <List jobId={jobId} page={pageOf(page)} hrefOf={hrefOf} />;
}

interface ListProps {
  jobId: string;
  page: number;
  hrefOf: (more: Record<string, string>) => string;
}

function List({ jobId, page, hrefOf }: ListProps) {
  const params = { path: { id: jobId }, query: { page, size: PAGE_SIZE } };
  const list = useLoad(`webhooks of ${jobId} ${page}`, (signal) =>
    data(api.GET("/jobs/{id}/webhooks", { params, signal })),
  );
  useRefresh(list.reload, REFRESH_MS);
  const found = list.data;
  if (!found) return list.error ? <ErrorNote error={list.error} retry={list.reload} /> : null;
  if (!found.totalItems)
    return (
      <EmptyState
        title="Nobody was told of this job"
        text="A job tells URLs of its changes with webhooks of its own, or endpoints are told of all jobs."
      >
        <a class="button" href="/ui/webhooks">
          See webhooks
        </a>
      </EmptyState>
    );
  return (
    <>
      <p class="muted small">{counted(found.totalItems, "delivery", "deliveries")}</p>
      <DeliveryTable deliveries={found.items} hrefOf={(id) => hrefOf({ delivery: id })} isOfJob />
      <Pager page={page} pages={found.totalPages} at={(n) => hrefOf({ page: `${n}` })} />
    </>
  );
}
