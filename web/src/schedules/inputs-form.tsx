// The inputs of a schedule of a template: the fields of the template.
import { useState } from "preact/hooks";
import { ApiError, api } from "../api/client";
import { InputFields, Refusal } from "../templates/input-fields";
import { type Input, inputsPatch, typedOf } from "../templates/inputs";
import { useAct } from "../ui/act";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { useTemplateInputs } from "./template-inputs";
import type { Whole } from "./words";

interface Props {
  schedule: Whole;
  template: NonNullable<Whole["template"]>;
  reload: () => void;
}

export function InputsForm(props: Props) {
  const found = useTemplateInputs(props.template.tag);
  if (found.error !== undefined) return <ErrorNote error={found.error} retry={found.reload} />;
  if (!found.data) return null;
  return found.data.length > 0 ? <Form {...props} inputs={found.data} /> : null;
}

function Form({ schedule, template, reload, inputs }: Props & { inputs: readonly Input[] }) {
  const [typed, setTyped] = useState(() => typedOf(inputs, template.inputs));
  const { act, error, isBusy } = useAct();
  const patch = inputsPatch(inputs, template.inputs, typed);
  const save = async (event: Event) => {
    event.preventDefault();
    const params = {
      path: { id: schedule.id },
      header: { "If-Match": `"${schedule.version}"` },
    };
    const body = { inputs: patch };
    const isSaved = await act(() => api.PATCH("/scheduled-jobs/{id}", { params, body }), "Saved");
    if (isSaved) reload();
  };
  return (
    <form class="section stack" onSubmit={save} aria-label="Inputs" noValidate>
      <h2>Inputs of {template.tag}</h2>
      <InputFields
        inputs={inputs}
        typed={typed}
        rules={error instanceof ApiError ? error.errors : []}
        onValue={(name, value) => setTyped((old) => ({ ...old, [name]: value }))}
      />
      {error !== undefined && <Refusal error={error} inputs={inputs} />}
      <div class="row">
        <Button type="submit" kind="primary" disabled={isBusy || Object.keys(patch).length === 0}>
          Save inputs
        </Button>
      </div>
    </form>
  );
}
