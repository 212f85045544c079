// The fields of a stored secret, to store a new one or to replace one.
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { ApiError, api, data } from "../api/client";
import { useAct } from "../ui/act";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { Field } from "../ui/field";
import { bodyOf, type FormValues, KINDS, ruleOf, type Secret, valuesOf } from "./form-values";

const LIST = "/ui/secrets";
const WHO = "user:NAME and role:SLUG, separated by commas.";

interface Props {
  /** To replace; without one it is new. */
  secret?: Secret | undefined;
}

export function SecretForm({ secret }: Props) {
  const { route } = useLocation();
  const [values, setValues] = useState(() => valuesOf(secret));
  const { act, error, isBusy } = useAct();
  const rules = error instanceof ApiError ? error.errors : [];
  const text = (name: keyof FormValues) => ({
    name,
    value: values[name],
    autocomplete: "off",
    spellcheck: false,
    onInput: (event: { currentTarget: { value: string } }) =>
      setValues({ ...values, [name]: event.currentTarget.value }),
  });
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    const isStored = await act(() => save(values, secret === undefined), `${values.id} is stored.`);
    if (isStored) route(LIST, true);
  };
  return (
    <form class="secrets-form stack" onSubmit={submit} aria-label="Stored secret">
      {!secret && (
        <Field
          label="Id"
          hint="Jobs name it by this: 1 to 64 letters, digits, dashes or underscores."
          error={ruleOf(rules, "id")}
        >
          <input {...text("id")} class="mono" required pattern="[A-Za-z0-9_\-]{1,64}" />
        </Field>
      )}
      <Field label="Kind" error={ruleOf(rules, "kind")}>
        <select {...text("kind")}>
          {Object.entries(KINDS).map(([kind, words]) => (
            <option key={kind} value={kind}>
              {words}
            </option>
          ))}
        </select>
      </Field>
      {values.kind !== "other" && (
        <Field
          label={values.kind === "docker" ? "User name" : "Access key"}
          error={ruleOf(rules, "accessKey")}
        >
          <input {...text("accessKey")} class="mono" required maxLength={1024} />
        </Field>
      )}
      <Field
        label="Secret"
        hint={secret ? "Replaces the stored one." : "It is never shown again."}
        error={ruleOf(rules, "secret")}
      >
        <input
          {...text("secret")}
          class="mono"
          type="password"
          autocomplete="new-password"
          required
        />
      </Field>
      <Field
        label="Description"
        hint="For people. May be left empty."
        error={ruleOf(rules, "name")}
      >
        <input {...text("name")} spellcheck maxLength={256} />
      </Field>
      <Field
        label="Expires"
        hint="In your time zone. Empty: never."
        error={ruleOf(rules, "expiresAt")}
      >
        <input {...text("expires")} type="datetime-local" />
      </Field>
      <Field label="May use it" hint={`${WHO} Empty: only you and administrators.`}>
        <input {...text("view")} class="mono" />
      </Field>
      <Field label="May use, replace and delete it" hint={WHO}>
        <input {...text("operate")} class="mono" />
      </Field>
      {!!error && <ErrorNote error={error} />}
      <div class="row">
        <Button type="submit" kind="primary" aria-disabled={isBusy ? "true" : undefined}>
          {secret ? "Replace the secret" : "Store the secret"}
        </Button>
        <a class="button button-quiet" href={LIST}>
          Cancel
        </a>
      </div>
    </form>
  );
}

/** Throws ApiError, and an error for one that is there and shall not be. */
async function save(values: FormValues, isNew: boolean): Promise<void> {
  const body = bodyOf(values);
  const id = values.id.trim();
  if (isNew && (await data(api.GET("/secrets"))).some((one) => one.id === id))
    throw new Error(`There is a secret "${id}": replace it in the list.`);
  await api.PUT("/secrets/{id}", { params: { path: { id } }, body });
}
