// A job of a schedule now, with other inputs where it has any.
import { useEffect, useState } from "preact/hooks";
import { may } from "../api/session";
import { InputFields } from "../templates/input-fields";
import { type Input, inputsOfValues, typedAnew, typedOf, type Values } from "../templates/inputs";
import { Confirm } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { useTemplateInputs } from "./template-inputs";
import type { Whole } from "./words";

interface Props {
  schedule: Whole;
  onTrigger: (inputs: Values) => Promise<void>;
}

export function Trigger({ schedule, onTrigger }: Props) {
  const [inputs, setInputs] = useState<Values>({});
  const { template } = schedule;
  return (
    <Confirm
      label="Run now"
      question="Create a job of it now?"
      yes="Yes, run it now"
      kind="plain"
      onConfirm={() => onTrigger(inputs)}
    >
      {may("submit") &&
        (template ? (
          <OfTemplate template={template} onTyped={setInputs} />
        ) : (
          <Fields
            inputs={inputsOfValues(schedule.inputs ?? {})}
            given={schedule.inputs ?? {}}
            onTyped={setInputs}
          />
        ))}
    </Confirm>
  );
}

interface OfTemplateProps {
  template: NonNullable<Whole["template"]>;
  onTyped: (inputs: Values) => void;
}

function OfTemplate({ template, onTyped }: OfTemplateProps) {
  const found = useTemplateInputs(template.tag);
  if (found.error !== undefined) return <ErrorNote error={found.error} retry={found.reload} />;
  if (!found.data) return null;
  return <Fields inputs={found.data} given={template.inputs} onTyped={onTyped} />;
}

interface FieldsProps {
  inputs: readonly Input[];
  given: Values;
  onTyped: (inputs: Values) => void;
}

function Fields({ inputs, given, onTyped }: FieldsProps) {
  const [typed, setTyped] = useState(() => typedOf(inputs, given));
  // Also when it opens: what was typed before it was closed is forgotten.
  useEffect(() => onTyped(typedAnew(inputs, given, typed)), [typed]);
  return (
    <InputFields
      inputs={inputs}
      typed={typed}
      rules={[]}
      onValue={(name, value) => setTyped((old) => ({ ...old, [name]: value }))}
    />
  );
}
