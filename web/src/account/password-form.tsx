// Another password, given the present one.
import { useRef, useState } from "preact/hooks";
import { api, data } from "../api/client";
import { loadSession, signIn } from "../api/session";
import { useAct } from "../ui/act";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { Field } from "../ui/field";

export function PasswordForm({ user }: { user: string }) {
  const form = useRef<HTMLFormElement>(null);
  const [isDone, setDone] = useState(false);
  const { act, error, isBusy } = useAct();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!form.current || isBusy) return;
    const given = new FormData(form.current);
    const [password, oldPassword] = [String(given.get("new")), String(given.get("old"))];
    const params = { path: { username: user } };
    const change = async () => {
      await data(
        api.PUT("/users/{username}/password", { params, body: { password, oldPassword } }),
      );
      // All sessions of the old password have ended, this one as well.
      await signIn({ username: user, password }).catch(loadSession);
    };
    const isChanged = await act(change, "The password is changed");
    setDone(isChanged);
    if (isChanged) form.current?.reset();
  };
  return (
    <section class="section" aria-label="Password">
      <h2>Password</h2>
      <form class="stack account-form" ref={form} onSubmit={submit} method="post">
        <input type="hidden" name="username" value={user} autocomplete="username" />
        <Field label="Present password">
          <input name="old" type="password" autocomplete="current-password" required />
        </Field>
        <Field label="New password" hint="It ends your sessions in other browsers.">
          <input name="new" type="password" autocomplete="new-password" required />
        </Field>
        {error !== undefined && <ErrorNote error={error} />}
        {isDone && <p role="status">The password is changed.</p>}
        <div class="row">
          <Button type="submit" disabled={isBusy}>
            Change password
          </Button>
        </div>
      </form>
    </section>
  );
}
