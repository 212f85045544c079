// The sign-in: a user name and a password, or an API key.
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { session, signIn } from "../api/session";
import { Button } from "../ui/button";
import { now } from "../ui/clock";
import { ErrorNote } from "../ui/error-note";
import { Field } from "../ui/field";
import { PageHead } from "../ui/page-head";
import "./signin.css";

type Way = "password" | "key";

interface Props {
  /** They were signed in until now. */
  hasEnded?: boolean;
  onSignedIn?: () => void;
}

export function SignInForm({ hasEnded, onSignedIn }: Props) {
  const [way, setWay] = useState<Way>(session.value?.takesPasswords ? "password" : "key");
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const [waitsUntil, setWaitsUntil] = useState(0);
  const form = useRef<HTMLFormElement>(null);
  useTitleOfPageBefore();
  useEffect(() => form.current?.querySelector("input")?.focus(), [way]);
  const secondsLeft = Math.max(0, Math.ceil((waitsUntil - now.value) / 1000));

  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy || secondsLeft || !form.current) return;
    setBusy(true);
    setError(undefined);
    try {
      await signIn(credentials(way, new FormData(form.current)));
      onSignedIn?.();
    } catch (refusal) {
      setError(inWords(refusal, way));
      if (refusal instanceof ApiError && refusal.retryAfterSeconds)
        setWaitsUntil(Date.now() + refusal.retryAfterSeconds * 1000);
      form.current.querySelector<HTMLInputElement>("input[type=password]")?.select();
    } finally {
      setBusy(false);
    }
  };

  return (
    <div class="signin">
      <PageHead title="Sign in" />
      {hasEnded && <p class="note">Your session has ended. Sign in, and go on where you were.</p>}
      <form class="stack" ref={form} onSubmit={submit} method="post" aria-label="Sign in">
        {way === "password" ? <PasswordFields /> : <KeyField />}
        {!!error && <ErrorNote error={error} />}
        <div class="row">
          <Button
            type="submit"
            kind="primary"
            aria-disabled={isBusy || secondsLeft > 0 ? "true" : undefined}
          >
            {secondsLeft ? `Try again in ${secondsLeft} s` : "Sign in"}
          </Button>
          <OtherWay way={way} choose={setWay} />
        </div>
      </form>
      <Help way={way} />
    </div>
  );
}

function PasswordFields() {
  return (
    <>
      <Field label="User name">
        <input
          name="username"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
        />
      </Field>
      <Field label="Password">
        <input name="password" type="password" autocomplete="current-password" required />
      </Field>
    </>
  );
}

function KeyField() {
  return (
    <Field label="API key" hint="It begins with cvk_, or is the operator's own.">
      <input
        class="mono"
        name="key"
        type="password"
        autocomplete="current-password"
        spellcheck={false}
        required
      />
    </Field>
  );
}

function OtherWay({ way, choose }: { way: Way; choose: (way: Way) => void }) {
  if (!session.value?.takesPasswords || !session.value.takesKeys) return null;
  return way === "password" ? (
    <Button kind="quiet" onClick={() => choose("key")}>
      Use an API key
    </Button>
  ) : (
    <Button kind="quiet" onClick={() => choose("password")}>
      Use a password
    </Button>
  );
}

function Help({ way }: { way: Way }) {
  return (
    <p class="muted small">
      {way === "password"
        ? "An administrator creates users with "
        : "Whoever is signed in on a terminal creates keys with "}
      <code>{way === "password" ? "conveyor users create" : "conveyor keys create"}</code>.
    </p>
  );
}

function credentials(way: Way, given: FormData) {
  const text = (name: string) => String(given.get(name) ?? "");
  if (way === "key") return { key: text("key").trim() };
  return { username: text("username").trim(), password: text("password") };
}

function inWords(error: unknown, way: Way): unknown {
  if (!(error instanceof ApiError) || error.status !== 401) return error;
  return new Error(
    way === "key"
      ? "This key is not valid: it is misspelt, has expired or was revoked."
      : "The user name or the password is not right.",
  );
}

/** The page that waits behind the sign-in has its title back when it is shown again. */
function useTitleOfPageBefore(): void {
  useEffect(() => {
    const before = document.title;
    return () => {
      document.title = before;
    };
  }, []);
}
