// One delivery: what is posted, each attempt with what was answered, and sending it again.
import { ApiError, api, data, type Schemas } from "../api/client";
import { may } from "../api/session";
import { useAct } from "../ui/act";
import { Button } from "../ui/button";
import { Copy } from "../ui/copy";
import { ErrorNote } from "../ui/error-note";
import { Fact } from "../ui/fact";
import { duration, indented } from "../ui/format";
import { useLoad, useRefresh } from "../ui/load";
import { Mark } from "../ui/state";
import { Ago, At } from "../ui/time";
import { DeliveryMark } from "./delivery-table";

const REFRESH_MS = 3000;

interface Props {
  id: string;
  backHref: string;
  /** Whether who may operate here can send it again. */
  mayResend: boolean;
}

export function DeliveryView({ id, backHref, mayResend }: Props) {
  const path = { id };
  const loaded = useLoad(`delivery ${id}`, (signal) =>
    data(api.GET("/webhooks/deliveries/{id}", { params: { path }, signal })),
  );
  useRefresh(loaded.reload, REFRESH_MS);
  const delivery = loaded.data;
  const isOnItsWay = !delivery && loaded.error instanceof ApiError && loaded.error.status === 404;
  return (
    <section class="section stack" aria-label="Delivery">
      <div class="row">
        <a href={backHref}>All deliveries</a>
      </div>
      {delivery ? (
        <Found delivery={delivery} mayResend={mayResend} reload={loaded.reload} />
      ) : isOnItsWay ? (
        <p class="muted" role="status">
          This delivery is not there yet, or was deleted. The page looks again by itself.
        </p>
      ) : (
        !!loaded.error && <ErrorNote error={loaded.error} retry={loaded.reload} />
      )}
    </section>
  );
}

interface FoundProps {
  delivery: Schemas["DeliveryDetails"];
  mayResend: boolean;
  reload: () => void;
}

function Found({ delivery, mayResend, reload }: FoundProps) {
  return (
    <>
      <div class="row">
        <h2>{delivery.event ?? "Delivery"}</h2>
        <DeliveryMark delivery={delivery} badge />
        {mayResend && may("operate") && <Resend id={delivery.id} onDone={reload} />}
      </div>
      <dl class="facts">
        <Fact name="webhook-id">
          <code>{delivery.id}</code>
        </Fact>
        <Fact name="URL">
          <code>{delivery.url || "none"}</code>
        </Fact>
        {delivery.jobId && (
          <Fact name="Job">
            <a href={`/ui/jobs/${delivery.jobId}`}>
              <code>{delivery.jobId}</code>
            </a>
          </Fact>
        )}
        <Fact name="Created">
          <At at={delivery.createdAt} />
        </Fact>
        {delivery.endedAt && (
          <Fact name={delivery.state === "FAILED" ? "Given up" : "Delivered"}>
            <At at={delivery.endedAt} />
          </Fact>
        )}
        {delivery.nextAttemptAt && (
          <Fact name="Next attempt">
            <Ago at={delivery.nextAttemptAt} />
          </Fact>
        )}
        {delivery.lastError && !delivery.attempts.length && (
          <Fact name="Error">{delivery.lastError}</Fact>
        )}
      </dl>
      <Attempts attempts={delivery.attempts} />
      <RequestBody body={delivery.requestBody} />
    </>
  );
}

function Resend({ id, onDone }: { id: string; onDone: () => void }) {
  const { act, error } = useAct(onDone);
  const resend = () => {
    const params = { path: { id } };
    const call = () => api.POST("/webhooks/deliveries/{id}/resend", { params });
    return act(call, "The delivery is sent again.");
  };
  return (
    <>
      <Button small onClick={() => void resend()}>
        Send again
      </Button>
      {!!error && <ErrorNote error={error} />}
    </>
  );
}

function Attempts({ attempts }: { attempts: readonly Schemas["DeliveryAttempt"][] }) {
  if (!attempts.length) return <p class="muted">No attempt yet.</p>;
  return (
    <div>
      <h3>Attempts</h3>
      <ol class="webhooks-attempts">
        {attempts.map((attempt) => (
          <li key={attempt.number}>
            <div class="row">
              <span class="muted">#{attempt.number}</span>
              <Mark
                look={attempt.error ? "failed" : "completed"}
                shape={attempt.error ? "cross" : "tick"}
                word={attempt.status ? String(attempt.status) : "no answer"}
              />
              <span>{attempt.error}</span>
              <span class="muted small">
                <At at={attempt.at} />, {duration(attempt.durationMs)}
              </span>
            </div>
            <Headers name="Headers of the request" headers={attempt.requestHeaders} />
            <Headers name="Headers of the answer" headers={attempt.answerHeaders} />
            {attempt.answer && (
              <details>
                <summary class="small">What was answered</summary>
                {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
                <pre tabIndex={0}>{attempt.answer}</pre>
              </details>
            )}
          </li>
        ))}
      </ol>
    </div>
  );
}

function Headers({ name, headers }: { name: string; headers?: Record<string, string> }) {
  if (!headers) return null;
  const lines = Object.entries(headers).map(([header, value]) => `${header}: ${value}`);
  return (
    <details>
      <summary class="small">{name}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <pre tabIndex={0}>{lines.join("\n")}</pre>
    </details>
  );
}

function RequestBody({ body }: { body: string | undefined }) {
  if (body === undefined) return <p class="muted">The body is too long to show.</p>;
  return (
    <div>
      <div class="row">
        <h3>Body of the request</h3>
        <Copy text={body} label="Copy body" />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <pre class="panel panel-body webhooks-body" tabIndex={0}>
        {indented(body)}
      </pre>
    </div>
  );
}
