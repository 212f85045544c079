// The fields of an endpoint, to create or to change one.
import { useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { useAct } from "../ui/act";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { Field } from "../ui/field";
import { EVENTS, type FormValues, ruleOf, valuesOf } from "./form-values";
import { HeaderRows } from "./header-rows";
import type { Endpoint } from "./health";

interface Props {
  /** To change; without one it is new. */
  endpoint?: Endpoint;
  /** Throws ApiError. */
  save: (values: FormValues) => Promise<void>;
  cancelHref: string;
}

export function EndpointForm({ endpoint, save, cancelHref }: Props) {
  const [values, setValues] = useState(() => valuesOf(endpoint));
  const { act, error, isBusy } = useAct();
  const rules = error instanceof ApiError ? error.errors : [];
  const set = (more: Partial<FormValues>) => setValues((old) => ({ ...old, ...more }));
  const text = (name: keyof FormValues) => ({
    name,
    value: values[name] as string,
    onInput: (event: { currentTarget: { value: string } }) =>
      set({ [name]: event.currentTarget.value }),
  });
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!isBusy) await act(() => save(values));
  };
  return (
    <form class="webhooks-form stack" onSubmit={submit} aria-label="Webhook endpoint">
      <Field
        label="Description"
        hint="What it is for, for people."
        error={ruleOf(rules, "description")}
      >
        <input {...text("description")} maxLength={1000} />
      </Field>
      <Field
        label="URL"
        hint={
          endpoint
            ? `It goes to ${endpoint.url}. Leave this empty to keep it.`
            : "Where each event is posted as JSON. It is stored encrypted, and its path is never shown."
        }
        error={ruleOf(rules, "url")}
      >
        <input
          {...text("url")}
          class="mono"
          inputMode="url"
          spellcheck={false}
          autocomplete="off"
          placeholder="https://"
          required={!endpoint}
        />
      </Field>
      <Events
        chosen={values.events}
        choose={(events) => set({ events })}
        error={ruleOf(rules, "events")}
      />
      <Field
        label="Filter"
        hint="An expression; an event is sent only where it is true, such as job.state == 'FAILED'. Empty: always."
        error={ruleOf(rules, "filter")}
      >
        <input {...text("filter")} class="mono" spellcheck={false} autocomplete="off" />
      </Field>
      <Field
        label="Tags"
        hint="Only jobs and schedules with one of these, separated by commas. Empty: all."
        error={ruleOf(rules, "tags")}
      >
        <input {...text("tags")} spellcheck={false} autocomplete="off" />
      </Field>
      <HeaderRows
        rows={values.headers}
        change={(headers) => set({ headers })}
        error={ruleOf(rules, "headers")}
      />
      <div class="webhooks-pair">
        <Field label="Format" error={ruleOf(rules, "format")}>
          <select {...text("format")}>
            <option value="standard">standard: type, timestamp, data</option>
            <option value="tork">tork: as a job's webhook</option>
          </select>
        </Field>
        <Field label="Payload" error={ruleOf(rules, "payload")}>
          <select {...text("payload")}>
            <option value="full">full</option>
            <option value="thin">thin: ids and states only</option>
          </select>
        </Field>
        <Field
          label="Rate limit"
          hint="Requests a second. Empty: unlimited."
          error={ruleOf(rules, "ratePerSecond")}
        >
          <input {...text("ratePerSecond")} inputMode="decimal" autocomplete="off" />
        </Field>
        <Field
          label="Repeat also on"
          hint="Statuses, such as 404, separated by commas."
          error={ruleOf(rules, "retryOn")}
        >
          <input {...text("retryOn")} inputMode="numeric" autocomplete="off" />
        </Field>
      </div>
      {!endpoint && (
        <Field
          label="Secret"
          hint="Signs the requests: whsec_ and 24 to 64 random bytes in base64. Empty: a new one, shown once."
          error={ruleOf(rules, "secret")}
        >
          <input
            {...text("secret")}
            class="mono"
            type="password"
            autocomplete="off"
            spellcheck={false}
          />
        </Field>
      )}
      <label class="webhooks-check">
        <input
          type="checkbox"
          checked={values.ordered}
          onChange={(event) => set({ ordered: event.currentTarget.checked })}
        />
        One request at a time for each job, in the order of its changes
      </label>
      {!!error && <ErrorNote error={error} />}
      <div class="row">
        <Button type="submit" kind="primary" aria-disabled={isBusy ? "true" : undefined}>
          {endpoint ? "Save changes" : "Create webhook"}
        </Button>
        <a class="button button-quiet" href={cancelHref}>
          Cancel
        </a>
      </div>
    </form>
  );
}

function Events(props: {
  chosen: string[];
  choose: (e: string[]) => void;
  error?: string | undefined;
}) {
  const { chosen, choose, error } = props;
  const toggle = (name: string, isOn: boolean) =>
    choose(isOn ? [...chosen, name] : chosen.filter((one) => one !== name));
  return (
    <fieldset class="field">
      <legend class="field-label">Events</legend>
      <div class="webhooks-events">
        {EVENTS.map(({ name, about }) => (
          <label class="webhooks-check" key={name}>
            <input
              type="checkbox"
              checked={chosen.includes(name)}
              onChange={(event) => toggle(name, event.currentTarget.checked)}
            />
            <span>
              <code>{name}</code> <span class="muted small">{about}</span>
            </span>
          </label>
        ))}
      </div>
      {error && (
        <span class="field-error" role="alert">
          {error}
        </span>
      )}
    </fieldset>
  );
}
