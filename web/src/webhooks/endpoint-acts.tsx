// What can be done with an endpoint: test, edit, disable, another secret, delete.
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api, data } from "../api/client";
import type { Acts } from "../ui/act";
import { Button, Confirm } from "../ui/button";
import { type Endpoint, nameOf } from "./health";
import { newSecret } from "./secret-note";

interface Props {
  endpoint: Endpoint;
  acts: Acts;
}

export function EndpointActs({ endpoint, acts: { act, isBusy } }: Props) {
  const { route } = useLocation();
  const params = { path: { id: endpoint.id } };
  const href = `/ui/webhooks/${endpoint.id}`;
  const test = () =>
    act(async () => {
      const sent = await data(api.POST("/webhooks/{id}/test", { params }));
      route(`${href}?delivery=${sent.deliveryId}`);
    }, "The test event is on its way.");
  const able = async (disabled: boolean) => {
    await act(
      () => api.PATCH("/webhooks/{id}", { params, body: { disabled } }),
      disabled ? "The webhook is disabled." : "The webhook is enabled.",
    );
  };
  const remove = async () => {
    await act(
      async () => {
        await api.DELETE("/webhooks/{id}", { params });
        route("/ui/webhooks"); // before it would be read again
      },
      `${nameOf(endpoint)} is deleted.`,
    );
  };
  return (
    <>
      {!endpoint.disabled && (
        <Button disabled={isBusy} onClick={() => void test()}>
          Send a test
        </Button>
      )}
      <a class="button" href={`${href}?edit=1`}>
        Edit
      </a>
      {endpoint.disabled ? (
        <Button disabled={isBusy} onClick={() => void able(false)}>
          Enable
        </Button>
      ) : (
        <Confirm
          kind="plain"
          label="Disable"
          question="Send nothing more until it is enabled again?"
          yes="Disable webhook"
          onConfirm={() => able(true)}
        />
      )}
      <RotateSecret endpoint={endpoint} act={act} />
      <Confirm
        label="Delete"
        question="Delete it with all its deliveries?"
        yes="Delete webhook"
        onConfirm={remove}
      />
    </>
  );
}

const KEPT = [
  { value: "24h", name: "for a day" },
  { value: "1h", name: "for an hour" },
  { value: "168h", name: "for a week" },
  { value: "0s", name: "not at all" },
];

interface RotateProps {
  endpoint: Endpoint;
  act: Acts["act"];
}

function RotateSecret({ endpoint, act }: RotateProps) {
  const [keepFor, setKeepFor] = useState("24h");
  const rotate = async () => {
    await act(async () => {
      const params = { path: { id: endpoint.id } };
      const made = await data(
        api.POST("/webhooks/{id}/rotate-secret", { params, body: { keepFor } }),
      );
      if (made.secret) newSecret.value = { id: endpoint.id, secret: made.secret };
    });
  };
  return (
    <Confirm
      kind="plain"
      label="Replace secret"
      question="Replace the secret?"
      yes="Replace secret now"
      onConfirm={rotate}
    >
      <label class="webhooks-check">
        The old one signs as well
        <select value={keepFor} onChange={(event) => setKeepFor(event.currentTarget.value)}>
          {KEPT.map(({ value, name }) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </Confirm>
  );
}
