// API keys: one's own, for an administrator all.
import { useRef, useState } from "preact/hooks";
import { api, data, type Schemas } from "../api/client";
import { may, type Scope } from "../api/session";
import { useAct } from "../ui/act";
import { Button, Confirm } from "../ui/button";
import { Copy } from "../ui/copy";
import { ErrorNote } from "../ui/error-note";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { Ago } from "../ui/time";

type Key = Schemas["Key"];

const SCOPES: readonly Scope[] = ["read", "submit", "operate", "admin"];

export function Keys() {
  const list = useLoad("keys", (signal) => data(api.GET("/keys", { signal })));
  const { act, error, isBusy } = useAct(list.reload);
  const [made, setMade] = useState("");
  const form = useRef<HTMLFormElement>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!form.current || isBusy) return;
    const given = new FormData(form.current);
    const name = String(given.get("name")).trim();
    const scopes = given.getAll("scope").map(String) as Scope[];
    const create = async () => {
      const key = await data(api.POST("/keys", { body: { name, scopes } }));
      setMade(key.key);
    };
    if (await act(create, "The key is created")) form.current?.reset();
  };
  const revoke = (id: string) =>
    act(() => api.DELETE("/keys/{id}", { params: { path: { id } } }), "The key is revoked");
  return (
    <section class="section" aria-label="API keys">
      <h2>API keys</h2>
      {list.error !== undefined && <ErrorNote error={list.error} retry={list.reload} />}
      {list.data?.length === 0 && <p class="muted">No keys yet.</p>}
      {!!list.data?.length && <Table keys={list.data} revoke={revoke} />}
      {made && (
        <div class="note state-warned" role="status">
          <p>Copy the key now: it is not shown again.</p>
          <div class="row">
            <code>{made}</code>
            <Copy text={made} label="Copy key" />
            <Button small onClick={() => setMade("")}>
              I have it
            </Button>
          </div>
        </div>
      )}
      {error !== undefined && <ErrorNote error={error} />}
      {may("operate") && (
        <form class="stack account-form" ref={form} onSubmit={submit} method="post">
          <Field label="Name of a new key" hint="What it is for.">
            <input name="name" maxLength={256} required />
          </Field>
          <fieldset class="account-scopes">
            <legend>It may</legend>
            {SCOPES.filter((scope) => may(scope)).map((scope) => (
              <label key={scope}>
                <input type="checkbox" name="scope" value={scope} /> {scope}
              </label>
            ))}
          </fieldset>
          <div class="row">
            <Button type="submit" disabled={isBusy}>
              Create key
            </Button>
          </div>
        </form>
      )}
    </section>
  );
}

function Table({
  keys,
  revoke,
}: {
  keys: readonly Key[];
  revoke: (id: string) => Promise<unknown>;
}) {
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Key</th>
          <th scope="col">User</th>
          <th scope="col">May</th>
          <th scope="col">Last used</th>
          <th scope="col">
            <span class="unseen">Revoke it</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id}>
            <td class="wide">
              {key.name} <code class="small muted">{key.id}</code>
            </td>
            <td data-label="User">{key.user ?? "nobody"}</td>
            <td data-label="May">{key.scopes.join(", ")}</td>
            <td data-label="Last used">{key.lastUsedAt ? <Ago at={key.lastUsedAt} /> : "never"}</td>
            <td>
              {may("operate") && (
                <Confirm
                  small
                  label="Revoke"
                  question={`Revoke ${key.name}? Whoever uses it is refused.`}
                  yes="Revoke the key"
                  onConfirm={async () => void (await revoke(key.id))}
                />
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
