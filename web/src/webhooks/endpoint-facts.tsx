// What an endpoint is set to, and what is wrong with it.
import { Fact } from "../ui/fact";
import { Ago, At } from "../ui/time";
import type { Endpoint } from "./health";

/** Why nothing arrives, and what to do. */
export function HealthNote({ endpoint }: { endpoint: Endpoint }) {
  const { disabled, disabledAt, disabledReason, failingSince } = endpoint;
  if (disabled)
    return (
      <div class="note">
        <p>
          Nothing is sent since <Ago at={disabledAt} />
          {disabledReason && `: ${disabledReason}`}. Once it is enabled, it is sent what happens
          from then on.
        </p>
      </div>
    );
  if (!failingSince) return null;
  return (
    <div class="note state-failed">
      <p>
        No request has succeeded since <Ago at={failingSince} />. The failed deliveries below say
        why. When the receiver works again, send them again.
      </p>
    </div>
  );
}

export function EndpointFacts({ endpoint }: { endpoint: Endpoint }) {
  const { filter, tags, headers, ratePerSecond, retryOn, previousSecretEndsAt } = endpoint;
  return (
    <dl class="facts webhooks-facts">
      <Fact name="URL">
        <code>{endpoint.url}</code>
      </Fact>
      <Fact name="Events">
        <span class="webhooks-list">
          {endpoint.events.map((event) => (
            <code key={event}>{event}</code>
          ))}
        </span>
      </Fact>
      {filter && (
        <Fact name="Filter">
          <code>{filter}</code>
        </Fact>
      )}
      {!!tags?.length && <Fact name="Tags">{tags.join(", ")}</Fact>}
      <Fact name="Body">
        {endpoint.format}, {endpoint.payload}
      </Fact>
      {!!headers && (
        <Fact name="Headers">
          <code>{Object.keys(headers).join(", ")}</code>
        </Fact>
      )}
      <Fact name="Rate limit">{ratePerSecond ? `${ratePerSecond} requests a second` : "none"}</Fact>
      <Fact name="Order">
        {endpoint.ordered ? "that of the changes of each job" : "as they come"}
      </Fact>
      {!!retryOn?.length && <Fact name="Repeats also on">{retryOn.join(", ")}</Fact>}
      {endpoint.createdBy && <Fact name="Created by">{endpoint.createdBy.username}</Fact>}
      <Fact name="Created">
        <At at={endpoint.createdAt} />
      </Fact>
      {previousSecretEndsAt && (
        <Fact name="Old secret signs until">
          <At at={previousSecretEndsAt} />
        </Fact>
      )}
    </dl>
  );
}
