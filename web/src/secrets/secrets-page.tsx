// The list of stored secrets, and the form for one. No answer has a secret itself.
import "./secrets.css";
import { useLocation } from "preact-iso";
import { api, data } from "../api/client";
import { may } from "../api/session";
import { useAct } from "../ui/act";
import { Confirm } from "../ui/button";
import { Command } from "../ui/copy";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { useLoad, useRefresh } from "../ui/load";
import { PageHead } from "../ui/page-head";
import { Mark } from "../ui/state";
import { Ago, At } from "../ui/time";
import { type Secret, whoMay } from "./form-values";
import { SecretForm } from "./secret-form";

const REFRESH_MS = 30_000;
const NEW = "/ui/secrets?new=1";

export default function SecretsPage() {
  const { query } = useLocation();
  const list = useLoad("secrets", (signal) => data(api.GET("/secrets", { signal })));
  useRefresh(list.reload, REFRESH_MS);
  const found = list.data;
  const replaced = found?.find(({ id, access }) => id === query.replace && access === "operate");
  if (query.new && may("operate")) return <Stored title="New secret" />;
  if (replaced) return <Stored title={`Replace ${replaced.id}`} secret={replaced} />;
  return (
    <>
      <PageHead title="Secrets">
        {may("operate") && !!found?.length && (
          <a class="button" href={NEW}>
            New secret
          </a>
        )}
      </PageHead>
      {!!list.error && <ErrorNote error={list.error} retry={list.reload} />}
      {found && (found.length ? <Table secrets={found} reload={list.reload} /> : <NoSecrets />)}
    </>
  );
}

function Stored({ title, secret }: { title: string; secret?: Secret }) {
  return (
    <>
      <PageHead title={title} />
      <SecretForm secret={secret} />
    </>
  );
}

interface TableProps {
  secrets: readonly Secret[];
  reload: () => void;
}

function Table({ secrets, reload }: TableProps) {
  const { act, error } = useAct(reload);
  const remove = async (id: string) => {
    const params = { path: { id } };
    await act(() => api.DELETE("/secrets/{id}", { params }), `${id} is deleted.`);
  };
  return (
    <>
      {!!error && <ErrorNote error={error} />}
      <table class="cards">
        <caption class="unseen">Stored secrets that you may use, by their ids</caption>
        <thead>
          <tr>
            <th scope="col">Secret</th>
            <th scope="col">Kind</th>
            <th scope="col">Expires</th>
            <th scope="col">Shared with</th>
            <th scope="col">Owner</th>
            <th scope="col">Stored</th>
            <th scope="col">
              <span class="unseen">Acts</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {secrets.map((secret) => (
            <Row key={secret.id} secret={secret} remove={() => remove(secret.id)} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Row({ secret, remove }: { secret: Secret; remove: () => Promise<void> }) {
  const { id, name, kind, accessKey, updatedAt, createdBy, access } = secret;
  return (
    <tr>
      <td class="wide secrets-name">
        <code>{id}</code>
        {name && <div class="muted small">{name}</div>}
      </td>
      <td data-label="Kind">
        {kind}
        {accessKey && <div class="muted small mono secrets-name">{accessKey}</div>}
      </td>
      <td data-label="Expires">
        <Expiry secret={secret} />
      </td>
      <td data-label="Shared with" class="secrets-name">
        <Sharing secret={secret} />
      </td>
      <td data-label="Owner">{createdBy.username}</td>
      <td data-label="Stored">
        <Ago at={updatedAt} />
      </td>
      <td>
        {access === "operate" && (
          <div class="row">
            <a class="button button-small" href={`/ui/secrets?replace=${encodeURIComponent(id)}`}>
              Replace<span class="unseen"> {id}</span>
            </a>
            <Confirm
              small
              label="Delete"
              question={`Delete ${id}? Jobs that have it keep it.`}
              yes="Delete the secret"
              onConfirm={remove}
            />
          </div>
        )}
      </td>
    </tr>
  );
}

function Expiry({ secret: { isExpired, expiresAt } }: { secret: Secret }) {
  if (!expiresAt) return <span class="muted">never</span>;
  if (isExpired) return <Mark look="warned" shape="warning" word="Expired" />;
  return <At at={expiresAt} />;
}

function Sharing({ secret }: { secret: Secret }) {
  const [users, operators] = [whoMay(secret, true), whoMay(secret, false)];
  if (!users && !operators) return <span class="muted">nobody</span>;
  return (
    <>
      {users && <div>{users}</div>}
      {operators && <div>{operators} (may replace it)</div>}
    </>
  );
}

function NoSecrets() {
  return (
    <EmptyState
      title="No secrets yet"
      text="A stored secret is kept apart from jobs: a job names it under storedSecrets, and its value is in no job file and in no answer."
    >
      {may("operate") && (
        <a class="button button-primary" href={NEW}>
          Store a secret
        </a>
      )}
      <Command text="conveyor secrets set team-token --file token.txt" />
    </EmptyState>
  );
}
