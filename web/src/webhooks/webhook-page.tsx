// One webhook endpoint: its health, what can be done with it, its deliveries.
import "./webhooks.css";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api, data } from "../api/client";
import { may } from "../api/session";
import type { Params } from "../app/routes";
import { useAct } from "../ui/act";
import { ErrorNote } from "../ui/error-note";
import { useLoad, useRefresh } from "../ui/load";
import { PageHead } from "../ui/page-head";
import { Mark } from "../ui/state";
import { Deliveries } from "./deliveries";
import { EndpointActs } from "./endpoint-acts";
import { EndpointFacts, HealthNote } from "./endpoint-facts";
import { EndpointForm } from "./endpoint-form";
import { changes } from "./form-values";
import { type Endpoint, health, nameOf } from "./health";
import { newSecret, SecretNote } from "./secret-note";

const REFRESH_MS = 5000;

export default function WebhookPage({ id = "" }: Params) {
  const { query } = useLocation();
  const path = { id };
  const loaded = useLoad(`webhook ${id}`, (signal) =>
    data(api.GET("/webhooks/{id}", { params: { path }, signal })),
  );
  useRefresh(loaded.reload, REFRESH_MS);
  useEffect(
    () => () => {
      newSecret.value = undefined;
    },
    [id],
  );
  const endpoint = loaded.data;
  if (!endpoint)
    return (
      <>
        <PageHead title="Webhook" />
        {!!loaded.error && <ErrorNote error={loaded.error} retry={loaded.reload} />}
      </>
    );
  if (query.edit && may("operate") && may("read"))
    return <EditWebhook endpoint={endpoint} reload={loaded.reload} />;
  return <Webhook endpoint={endpoint} reload={loaded.reload} />;
}

interface PartProps {
  endpoint: Endpoint;
  reload: () => void;
}

function Webhook({ endpoint, reload }: PartProps) {
  const { query } = useLocation();
  const acts = useAct(reload);
  return (
    <>
      <PageHead title={nameOf(endpoint)} beside={<Mark {...health(endpoint)} badge />}>
        {may("operate") && <EndpointActs endpoint={endpoint} acts={acts} />}
      </PageHead>
      {!!acts.error && <ErrorNote error={acts.error} />}
      <SecretNote id={endpoint.id} />
      {!query.delivery && (
        <>
          <HealthNote endpoint={endpoint} />
          <EndpointFacts endpoint={endpoint} />
        </>
      )}
      <Deliveries endpoint={endpoint} />
    </>
  );
}

function EditWebhook({ endpoint, reload }: PartProps) {
  const { route } = useLocation();
  const path = { id: endpoint.id };
  const href = `/ui/webhooks/${endpoint.id}`;
  // What is being edited stays as it was opened, whatever is refreshed behind it.
  const [before] = useState(endpoint);
  return (
    <>
      <PageHead title={`Edit ${nameOf(before)}`} />
      <EndpointForm
        endpoint={before}
        cancelHref={href}
        save={async (values) => {
          const body = changes(values, before);
          await data(api.PATCH("/webhooks/{id}", { params: { path }, body }));
          reload();
          route(href, true);
        }}
      />
    </>
  );
}
