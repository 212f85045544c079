// Files that are sent for the job: chosen or dropped, with progress, named in the text when sent.
import { useRef, useState } from "preact/hooks";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { message } from "../ui/error-note";
import { bytes } from "../ui/format";
import { upload } from "./upload";

interface Props {
  /** Puts the upload into the text; gives the name it has there. */
  onSent: (id: string, file: string) => string;
  /** Takes it into the task at the cursor; false where there is none. */
  onUse: (name: string, file: string) => boolean;
}

interface Sending {
  key: number;
  file: File;
  share: number;
  abort: AbortController;
  /** What the text calls it, once it is sent. */
  name?: string;
  error?: string;
}

export function Files({ onSent, onUse }: Props) {
  const [sendings, setSendings] = useState<readonly Sending[]>([]);
  const next = useRef(0);
  const chooser = useRef<HTMLInputElement>(null);
  const change = (key: number, changes: Partial<Sending>) =>
    setSendings((all) => all.map((one) => (one.key === key ? { ...one, ...changes } : one)));
  const send = async (file: File) => {
    const key = next.current++;
    const abort = new AbortController();
    setSendings((all) => [...all, { key, file, share: 0, abort }]);
    try {
      const sent = await upload(file, (share) => change(key, { share }), abort.signal);
      change(key, { share: 1, name: onSent(sent.id, file.name) });
      announce(`${file.name} is sent`);
    } catch (error) {
      if (abort.signal.aborted) setSendings((all) => all.filter((one) => one.key !== key));
      else change(key, { error: message(error) });
    }
  };
  return (
    <section class="stack" aria-label="Files">
      <h2>Files</h2>
      <p class="small muted">Send files that the tasks of the job use.</p>
      <input
        ref={chooser}
        type="file"
        multiple
        hidden
        onChange={({ currentTarget }) => {
          for (const file of currentTarget.files ?? []) void send(file);
          currentTarget.value = "";
        }}
      />
      <div>
        <Button small onClick={() => chooser.current?.click()}>
          Upload files
        </Button>
      </div>
      <ul class="stack">
        {sendings.map((sending) => (
          <li key={sending.key} class="submit-file">
            <Row sending={sending} onUse={onUse} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Row({ sending, onUse }: { sending: Sending; onUse: Props["onUse"] }) {
  const { file, share, name, error, abort } = sending;
  const [hint, setHint] = useState("");
  const use = () => {
    if (!name) return;
    setHint(
      onUse(name, file.name)
        ? "The task at the cursor takes it."
        : `No task is at the cursor. Add to its sources: {upload: ${name}, target: …}`,
    );
  };
  return (
    <>
      <div class="row">
        <span class="cut">{file.name}</span>
        <span class="muted small">{bytes(file.size)}</span>
      </div>
      {error && <p class="field-error">{error}</p>}
      {!error && !name && (
        <div class="row">
          <progress value={share} aria-label={`Sending ${file.name}`} />
          <span class="small">{Math.round(share * 100)} %</span>
          <Button small onClick={() => abort.abort()}>
            Cancel
          </Button>
        </div>
      )}
      {name && (
        <div class="row">
          <span class="small">
            Sent as <code>{name}</code>
          </span>
          <Button small onClick={use}>
            Use in the task at the cursor
          </Button>
        </div>
      )}
      {hint && <p class="small muted">{hint}</p>}
    </>
  );
}
