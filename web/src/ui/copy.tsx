// A command or value to copy.
import { useState } from "preact/hooks";
import { announce } from "./announce";
import { Button } from "./button";

/** A command line with its copy button. */
export function Command({ text }: { text: string }) {
  return (
    <span class="command">
      <code>{text}</code>
      <Copy text={text} />
    </span>
  );
}

export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    await copyText(text);
    setDone(true);
    announce("Copied");
    setTimeout(() => setDone(false), 2000);
  };
  return (
    <Button kind="quiet" small onClick={() => void copy()}>
      {isDone ? "Copied" : label}
    </Button>
  );
}

async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without TLS browsers have no clipboard but this.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
