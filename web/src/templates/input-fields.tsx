// The inputs of a template as fields, with what is wrong at each.
import { ApiError, type BrokenRule } from "../api/client";
import { ErrorNote } from "../ui/error-note";
import { Field } from "../ui/field";
import { type Input, otherRules, ruleOf } from "./inputs";

interface Props {
  inputs: readonly Input[];
  typed: Record<string, string>;
  rules: readonly BrokenRule[];
  onValue: (name: string, value: string) => void;
  /** Needed where an input is a file. */
  onFile?: (name: string, file: File | undefined) => void;
}

export function InputFields({ inputs, typed, rules, onValue, onFile }: Props) {
  return (
    <>
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
            onValue={(value) => onValue(input.name, value)}
            onFile={(file) => onFile?.(input.name, file)}
          />
        </Field>
      ))}
    </>
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

/** Of a form of inputs: rules that are of no field, or that there are some. */
export function Refusal({ error, inputs }: { error: unknown; inputs: readonly Input[] }) {
  const rules = error instanceof ApiError ? error.errors : [];
  if (!rules.length) return <ErrorNote error={error} />;
  const others = otherRules(rules, inputs).map((rule) => `${rule.field}: ${rule.rule}`);
  const text = others.join("; ") || "Some inputs break their rules: see the fields above.";
  return <ErrorNote error={new Error(text)} />;
}
