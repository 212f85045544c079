// Deliveries as rows: what, how it went, when it is tried again.
import type { Schemas } from "../api/client";
import { now } from "../ui/clock";
import { counted, shortId } from "../ui/format";
import { Mark, type Shown } from "../ui/state";
import { Ago } from "../ui/time";
import { hostOf } from "./health";

export type Delivery = Schemas["Delivery"];

const LOOKS: Record<Delivery["state"], Shown> = {
  PENDING: { look: "waiting", shape: "clock", word: "Waiting" },
  DELIVERED: { look: "completed", shape: "tick", word: "Delivered" },
  FAILED: { look: "failed", shape: "cross", word: "Given up" },
};

export function DeliveryMark({ delivery, badge }: { delivery: Delivery; badge?: boolean }) {
  const isRepeated = delivery.state === "PENDING" && !!delivery.lastError;
  return isRepeated ? (
    <Mark look="warned" shape="warning" word="Retrying" badge={badge} />
  ) : (
    <Mark {...LOOKS[delivery.state]} badge={badge} />
  );
}

interface Props {
  deliveries: readonly Delivery[];
  hrefOf: (id: string) => string;
  /** Of one job: its link says nothing, where it goes does. */
  isOfJob?: boolean;
}

export function DeliveryTable({ deliveries, hrefOf, isOfJob }: Props) {
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Event</th>
          <th scope="col">{isOfJob ? "To" : "Job"}</th>
          <th scope="col">Answer</th>
          <th scope="col">Created</th>
        </tr>
      </thead>
      <tbody>
        {deliveries.map((delivery) => (
          <tr key={delivery.id}>
            <td>
              <DeliveryMark delivery={delivery} />
            </td>
            <td class="webhooks-event">
              <a href={hrefOf(delivery.id)}>{delivery.event ?? shortId(delivery.id)}</a>
            </td>
            <td data-label={isOfJob ? "To" : "Job"}>
              {isOfJob ? <Receiver delivery={delivery} /> : <JobLink id={delivery.jobId} />}
            </td>
            <td class="wide">
              <LastAnswer delivery={delivery} />
            </td>
            <td data-label="Created">
              <Ago at={delivery.createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function JobLink({ id }: { id: string | undefined }) {
  if (!id) return <span class="muted">none</span>;
  return (
    <a href={`/ui/jobs/${id}`} title={id}>
      {shortId(id)}
    </a>
  );
}

function Receiver({ delivery }: { delivery: Delivery }) {
  const host = hostOf(delivery.url) || "no URL";
  if (!delivery.endpointId) return <>{host}</>;
  return <a href={`/ui/webhooks/${delivery.endpointId}`}>{host}</a>;
}

function LastAnswer({ delivery }: { delivery: Delivery }) {
  const { attemptCount, lastStatus, lastError, nextAttemptAt, state } = delivery;
  if (!attemptCount && !lastError) return <span class="muted">not sent yet</span>;
  return (
    <>
      {lastError ?? lastStatus ?? "under way"}
      <div class="muted small">
        {counted(attemptCount, "attempt")}
        {state === "PENDING" && nextAttemptAt && (
          <>
            , <Next at={nextAttemptAt} />
          </>
        )}
      </div>
    </>
  );
}

/** While a request is under way its time is in the future as well. */
function Next({ at }: { at: string }) {
  if (Date.parse(at) <= now.value) return <>due now</>;
  return (
    <>
      next <Ago at={at} />
    </>
  );
}
