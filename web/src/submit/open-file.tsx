// A job file of this machine, chosen or dropped, put into the editor.
import { useRef } from "preact/hooks";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";

type Open = (text: string, name: string) => void;

const MOST_BYTES = 4_000_000;

export function OpenFile({ onOpen }: { onOpen: Open }) {
  const chooser = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={chooser}
        type="file"
        accept=".yaml,.yml,.json"
        hidden
        onChange={({ currentTarget }) => {
          const file = currentTarget.files?.[0];
          currentTarget.value = "";
          if (file) void read(file, onOpen);
        }}
      />
      <Button onClick={() => chooser.current?.click()}>Open a file</Button>
    </>
  );
}

/** Of what is dropped on the editor. */
export async function dropped(event: DragEvent, open: Open): Promise<void> {
  const file = event.dataTransfer?.files[0];
  if (!file) return; // a text is dragged within the editor
  event.preventDefault();
  event.stopPropagation();
  await read(file, open);
}

async function read(file: File, open: Open): Promise<void> {
  if (file.size > MOST_BYTES) {
    announce(`${file.name} is too large for a job file: upload it as a file of the job`);
    return;
  }
  open(await file.text(), file.name);
}
