// The inputs and secrets of a job as fields. Secrets stay beside the text, and out of drafts.
import { Field } from "../ui/field";
import { HIDDEN, type Value, valuesOf } from "./edits";

interface Props {
  text: string;
  secrets: Record<string, string>;
  /** Secrets that are left empty stay as they are stored. */
  keepsSecrets: boolean;
  onInput: (name: string, value: string) => void;
  onSecret: (name: string, value: string) => void;
}

export function Values({ text, secrets, keepsSecrets, onInput, onSecret }: Props) {
  const inputs = valuesOf(text, "inputs");
  const names = valuesOf(text, "secrets");
  if (!inputs.length && !names.length) return null;
  return (
    <section class="stack" aria-label="Inputs and secrets">
      {inputs.length > 0 && <h2>Inputs</h2>}
      {inputs.map((input) => (
        <Input key={input.name} input={input} onInput={onInput} />
      ))}
      {names.length > 0 && <h2>Secrets</h2>}
      {names.map((secret) => (
        <Field key={secret.name} label={secret.name} hint={secretHint(secret, keepsSecrets)}>
          <input
            type="password"
            autocomplete="off"
            value={secrets[secret.name] ?? ""}
            onInput={(event) => onSecret(secret.name, event.currentTarget.value)}
          />
        </Field>
      ))}
    </section>
  );
}

function Input({ input, onInput }: { input: Value; onInput: Props["onInput"] }) {
  const { name, text } = input;
  if (text === undefined)
    return (
      <p class="small muted">
        <code>{name}</code> is a list or a mapping: edit it in the text.
      </p>
    );
  return (
    <Field
      label={name}
      hint={text === HIDDEN ? "Hidden: its name is that of a secret." : undefined}
    >
      <input value={text} onInput={(event) => onInput(name, event.currentTarget.value)} />
    </Field>
  );
}

function secretHint({ text }: Value, keepsSecrets: boolean): string {
  if (keepsSecrets) return "Left empty, it keeps its value.";
  return text
    ? "Left empty, the value in the text is used."
    : "Stored encrypted, never shown again.";
}
