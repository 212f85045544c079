// JSON as a tree that folds; what is folded is not in the document.
import { useState } from "preact/hooks";
import { Button } from "../ui/button";
import { count } from "../ui/format";

const MANY = 100;
const LONG = 400;

interface Props {
  value: unknown;
  name?: string;
  /** How many levels are open from the beginning. */
  open?: number;
}

export function JsonTree({ value, name, open = 2 }: Props) {
  return (
    <div class="json mono">
      <Node value={value} name={name} open={open} />
    </div>
  );
}

function Node({ value, name, open = 0 }: Props) {
  if (typeof value === "object" && value !== null && entriesOf(value).length > 0)
    return <Branch value={value} name={name} open={open} />;
  return (
    <div class="json-leaf">
      <Name name={name} />
      <Leaf value={value} />
    </div>
  );
}

function Branch({ value, name, open = 0 }: Props & { value: object }) {
  const [isOpen, setOpen] = useState(open > 0);
  const [most, setMost] = useState(MANY);
  const entries = entriesOf(value);
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Name name={name} />
        <span class="muted">{summaryOf(value, entries.length)}</span>
      </summary>
      {isOpen && (
        <div class="json-inner">
          {entries.slice(0, most).map(([key, inner]) => (
            <Node key={key} name={key} value={inner} open={open - 1} />
          ))}
          {entries.length > most && (
            <Button small onClick={() => setMost(most + MANY)}>
              Show more of {count(entries.length)}
            </Button>
          )}
        </div>
      )}
    </details>
  );
}

function Name({ name }: { name?: string | undefined }) {
  return name === undefined ? null : <span class="json-name">{name}: </span>;
}

function Leaf({ value }: { value: unknown }) {
  const [isWhole, setWhole] = useState(false);
  const text = leafText(value);
  if (isWhole || text.length <= LONG) return <span class="json-value">{text}</span>;
  return (
    <span class="json-value">
      {text.slice(0, LONG)}…{" "}
      <Button kind="quiet" small onClick={() => setWhole(true)}>
        Show all {count(text.length)} characters
      </Button>
    </span>
  );
}

function entriesOf(value: object): [string, unknown][] {
  return Object.entries(value);
}

export function summaryOf(value: object, size: number): string {
  if (Array.isArray(value)) return `[${count(size)}]`;
  return `{${count(size)}}`;
}

/** A text as it is, with its line breaks; the rest, and what is empty, as JSON. */
export function leafText(value: unknown): string {
  return typeof value === "string" && value !== "" ? value : JSON.stringify(value);
}

/** What of a text is JSON of some structure, as that; else the text itself. */
export function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text; // it only looked like JSON
  }
}
