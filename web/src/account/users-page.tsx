// Users for administrators: add them, give them roles, disable them, sign them out.
import "./account.css";
import { useRef, useState } from "preact/hooks";
import { api, data, type Schemas } from "../api/client";
import { may, session } from "../api/session";
import { useAct } from "../ui/act";
import { Button, Confirm } from "../ui/button";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { PageHead } from "../ui/page-head";
import { Ago } from "../ui/time";
import { Sessions } from "./sessions";

type User = Schemas["User"];

const GUEST = "guest";

export default function UsersPage() {
  if (!may("admin"))
    return (
      <>
        <PageHead title="Users" />
        <EmptyState title="Users are for administrators" text="Ask somebody with the role admin." />
      </>
    );
  return <Users />;
}

async function readAll(signal: AbortSignal) {
  const [users, roles] = await Promise.all([
    data(api.GET("/users", { signal })),
    data(api.GET("/roles", { signal })),
  ]);
  // The guest has no password: jobs without a creator are theirs.
  return {
    users: users.filter(({ username }) => username !== GUEST),
    roles: roles.map(({ slug }) => slug),
  };
}

function Users() {
  const list = useLoad("users", readAll);
  const found = list.data;
  return (
    <>
      <PageHead title="Users" />
      {list.error !== undefined && <ErrorNote error={list.error} retry={list.reload} />}
      {found?.users.length === 0 && (
        <EmptyState
          title="No users yet"
          text="A user signs in with a password, and has roles that permissions of jobs name."
        />
      )}
      {!!found?.users.length && (
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">User</th>
              <th scope="col">Roles</th>
              <th scope="col">State</th>
              <th scope="col">Created</th>
              <th scope="col">
                <span class="unseen">Change</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {found.users.map((user) => (
              <Row key={user.id} user={user} roles={found.roles} reload={list.reload} />
            ))}
          </tbody>
        </table>
      )}
      {found && <NewUser reload={list.reload} />}
    </>
  );
}

interface RowProps {
  user: User;
  roles: readonly string[];
  reload: () => void;
}

function Row({ user, roles, reload }: RowProps) {
  const { username, name, disabled } = user;
  const [isOpen, setOpen] = useState(false);
  const { act, error } = useAct(reload);
  const params = { path: { username } };
  const able = (disabled: boolean) =>
    act(
      () => api.PATCH("/users/{username}", { params, body: { disabled } }),
      `${username} is ${disabled ? "disabled" : "enabled"}`,
    );
  return (
    <>
      <tr>
        <td class="wide">
          {username} {name !== username && <span class="muted">{name}</span>}
        </td>
        <td data-label="Roles">{user.roles.join(", ") || "none"}</td>
        <td data-label="State">{disabled ? "disabled" : "active"}</td>
        <td data-label="Created">
          <Ago at={user.createdAt} />
        </td>
        <td>
          <div class="row">
            <Button
              small
              aria-expanded={isOpen}
              aria-label={`${isOpen ? "Close roles" : "Roles"} and sessions of ${username}`}
              onClick={() => setOpen(!isOpen)}
            >
              {isOpen ? "Close" : "Roles and sessions"}
            </Button>
            {disabled ? (
              <Button small onClick={() => void able(false)}>
                Enable
              </Button>
            ) : (
              username !== session.value?.user && (
                <Confirm
                  small
                  label="Disable"
                  question={`Refuse ${username}, with all keys and sessions?`}
                  yes={`Disable ${username}`}
                  onConfirm={async () => void (await able(true))}
                />
              )
            )}
          </div>
          {error !== undefined && <ErrorNote error={error} />}
        </td>
      </tr>
      {isOpen && (
        <tr>
          <td class="wide" colSpan={5}>
            <Roles user={user} roles={roles} reload={reload} />
            <Sessions user={username} onLeft={reload} />
          </td>
        </tr>
      )}
    </>
  );
}

function Roles({ user, roles, reload }: RowProps) {
  const { act, error, isBusy } = useAct(reload);
  const params = { path: { username: user.username } };
  const change = (role: string, has: boolean) => {
    const others = user.roles.filter((one) => one !== role);
    const body = has ? [...others, role] : others;
    void act(() => api.PUT("/users/{username}/roles", { params, body }), "The roles are changed");
  };
  return (
    <fieldset class="account-scopes">
      <legend>Roles of {user.username}</legend>
      {roles
        .filter((role) => role !== "public")
        .map((role) => (
          <label key={role}>
            <input
              type="checkbox"
              checked={user.roles.includes(role)}
              disabled={isBusy}
              onChange={(event) => change(role, event.currentTarget.checked)}
            />{" "}
            {role}
          </label>
        ))}
      {error !== undefined && <ErrorNote error={error} />}
    </fieldset>
  );
}

function NewUser({ reload }: { reload: () => void }) {
  const form = useRef<HTMLFormElement>(null);
  const { act, error, isBusy } = useAct(reload);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!form.current || isBusy) return;
    const given = new FormData(form.current);
    const text = (field: string) => String(given.get(field) ?? "");
    const username = text("username").trim();
    const name = text("name").trim() || username;
    const body = { username, name, password: text("password"), disabled: false };
    if (await act(() => api.POST("/users", { body }), `${username} is created`))
      form.current?.reset();
  };
  return (
    <section class="section" aria-label="New user">
      <h2>New user</h2>
      <form class="stack account-form" ref={form} onSubmit={submit} method="post">
        <Field label="User name">
          <input name="username" autocomplete="off" autocapitalize="none" maxLength={64} required />
        </Field>
        <Field label="Name" hint="For people. Default: the user name.">
          <input name="name" autocomplete="off" maxLength={256} />
        </Field>
        <Field label="Password" hint="The user changes it on their account page.">
          <input name="password" type="password" autocomplete="new-password" required />
        </Field>
        {error !== undefined && <ErrorNote error={error} />}
        <div class="row">
          <Button type="submit" disabled={isBusy}>
            Create user
          </Button>
        </div>
      </form>
    </section>
  );
}
