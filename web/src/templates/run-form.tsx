// The form of a template's inputs, and the job that it makes.
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { ApiError, api, data } from "../api/client";
import { upload } from "../submit/upload";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { Field } from "../ui/field";
import { type Input, inputsOf, otherRules, ruleOf, runBody, type Template } from "./inputs";

interface Props {
  template: Template;
}

export function RunForm({ template }: Props) {
  const { route } = useLocation();
  const inputs = inputsOf(template.inputSchema);
  const [typed, setTyped] = useState(() =>
    Object.fromEntries(inputs.map((input) => [input.name, input.initial])),
  );
  const [files, setFiles] = useState<Record<string, File>>({});
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const rules = error instanceof ApiError ? error.errors : [];
  const run = async (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setError(undefined);
    try {
      const uploads = await sent(files);
      const body = { ...runBody(inputs, typed, uploads), version: template.version };
      const path = { name: template.name };
      const job = await data(api.POST("/templates/{name}/run", { params: { path }, body }));
      announce(`Submitted ${job.name}`);
      route(`/ui/jobs/${job.id}`);
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return (
    <form class="templates-form stack" onSubmit={run} aria-label="Run" noValidate>
      <h2>Run</h2>
      {inputs.length === 0 && <p class="muted">This template asks for no inputs.</p>}
      {inputs.map((input) => (
        <Field
          key={input.name}
          label={input.isRequired ? `${input.label} (required)` : input.label}
          hint={input.hint}
          error={ruleOf(rules, input)}
        >
          <Control
            input={input}
            value={typed[input.name] ?? ""}
            onValue={(value) => setTyped((old) => ({ ...old, [input.name]: value }))}
            onFile={(file) => setFiles((old) => withFile(old, input.name, file))}
          />
        </Field>
      ))}
      {!!error && <Refusal error={error} inputs={inputs} />}
      <div class="row">
        <Button type="submit" kind="primary" disabled={isBusy}>
          {isBusy ? "Submitting…" : "Run the template"}
        </Button>
      </div>
    </form>
  );
}

interface ControlProps {
  input: Input;
  value: string;
  onValue: (value: string) => void;
  onFile: (file: File | undefined) => void;
}

/** `rest` are the id and the descriptions of the field. */
function Control({ input, value, onValue, onFile, ...rest }: ControlProps) {
  const onInput = (event: { currentTarget: { value: string } }) =>
    onValue(event.currentTarget.value);
  switch (input.kind) {
    case "boolean":
    case "choice": {
      const choices = input.kind === "boolean" ? ["true", "false"] : input.choices;
      return (
        <select {...rest} value={value} onInput={onInput}>
          {!input.initial && <option value="">Choose…</option>}
          {choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      );
    }
    case "json":
      return (
        <textarea
          {...rest}
          class="mono"
          rows={4}
          spellcheck={false}
          value={value}
          onInput={onInput}
        />
      );
    case "file":
      return (
        <input
          {...rest}
          type="file"
          onChange={(event) => onFile(event.currentTarget.files?.[0] ?? undefined)}
        />
      );
    case "secret":
      return <input {...rest} type="password" autocomplete="off" onInput={onInput} />;
    default:
      return (
        <input
          {...rest}
          value={value}
          inputMode={input.kind === "number" ? "decimal" : undefined}
          autocomplete="off"
          onInput={onInput}
        />
      );
  }
}

function Refusal({ error, inputs }: { error: unknown; inputs: readonly Input[] }) {
  const rules = error instanceof ApiError ? error.errors : [];
  if (!rules.length) return <ErrorNote error={error} />;
  const others = otherRules(rules, inputs).map((rule) => `${rule.field}: ${rule.rule}`);
  const text = others.join("; ") || "Some inputs break their rules: see the fields above.";
  return <ErrorNote error={new Error(text)} />;
}

function withFile(
  files: Record<string, File>,
  name: string,
  file: File | undefined,
): Record<string, File> {
  const { [name]: _, ...others } = files;
  return file ? { ...others, [name]: file } : others;
}

/** The ids of uploads by the names of inputs. Throws ApiError. */
async function sent(files: Record<string, File>): Promise<Record<string, string>> {
  const signal = new AbortController().signal;
  const ids: Record<string, string> = {};
  for (const [name, file] of Object.entries(files))
    ids[name] = (await upload(file, () => undefined, signal)).id;
  return ids;
}
