// The form of a template's inputs, and the job that it makes.
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { ApiError, api, data } from "../api/client";
import { upload } from "../submit/upload";
import { useAct } from "../ui/act";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { InputFields, Refusal } from "./input-fields";
import { inputsOf, runBody, type Template, typedOf } from "./inputs";

interface Props {
  template: Template;
}

export function RunForm({ template }: Props) {
  const { route } = useLocation();
  const inputs = inputsOf(template.inputSchema);
  const [typed, setTyped] = useState(() => typedOf(inputs, {}));
  const [files, setFiles] = useState<Record<string, File>>({});
  const { act, error, isBusy } = useAct();
  const [isSent, setSent] = useState(false);
  const rules = error instanceof ApiError ? error.errors : [];
  const run = async (event: Event) => {
    event.preventDefault();
    if (isBusy || isSent) return;
    await act(async () => {
      const uploads = await sent(files);
      const body = { ...runBody(inputs, typed, uploads), version: template.version };
      const path = { name: template.name };
      const job = await data(api.POST("/templates/{name}/run", { params: { path }, body }));
      setSent(true); // the page of the job may take a moment: no second click makes another
      announce(`Submitted ${job.name}`);
      route(`/ui/jobs/${job.id}`);
    });
  };
  return (
    <form class="templates-form stack" onSubmit={run} aria-label="Run" noValidate>
      <h2>Run</h2>
      {inputs.length === 0 && <p class="muted">This template asks for no inputs.</p>}
      <InputFields
        inputs={inputs}
        typed={typed}
        rules={rules}
        onValue={(name, value) => setTyped((old) => ({ ...old, [name]: value }))}
        onFile={(name, file) => setFiles((old) => withFile(old, name, file))}
      />
      {!!error && <Refusal error={error} inputs={inputs} />}
      <div class="row">
        <Button type="submit" kind="primary" disabled={isBusy || isSent}>
          {isBusy || isSent ? "Submitting…" : "Run the template"}
        </Button>
      </div>
    </form>
  );
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
