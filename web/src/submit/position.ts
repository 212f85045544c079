// Where in a job file the cursor is: which field, and what can stand there.
//
// `yaml` parses what is half written as well, keeps the range of each node, and reads JSON, too: a
// mark is put in place of the word at the cursor, and looked for in the tree.
import { isMap, isPair, isScalar, isSeq, type Node, type Pair, parseDocument, visit } from "yaml";
import { parsed } from "./parsed";
import type { Place } from "./schema";

const MARK = "\u2063cursor\u2063";
const WORD = /[\w.$-]*$/;
/** What is larger is not parsed at each key. */
export const MOST_CHARS = 300_000;

export interface Cursor {
  /** A new key of the mapping at `place`, or a value at `place`. */
  kind: "key" | "value";
  place: Place;
  /** The word that a completion replaces. */
  from: number;
  to: number;
  /** Keys that the mapping has. */
  siblings: string[];
}

/** What is being written at `offset`; undefined in comments and texts. */
export function cursorAt(text: string, offset: number): Cursor | undefined {
  if (text.length > MOST_CHARS) return undefined;
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
  if (/(^|\s)#/.test(line)) return undefined;
  const word = wordAt(text, offset);
  const before = line.slice(0, line.length - (offset - word.from));
  const tries: Cursor["kind"][] = /:\s+$/.test(before) ? ["value"] : ["key", "value"];
  for (const kind of tries) {
    const found = locate(text, word, kind);
    if (found) return { ...found, ...word };
  }
  return undefined;
}

/** The place of the key or value at `offset`, and its range. */
export function placeAt(text: string, offset: number): (Range & { place: Place }) | undefined {
  if (text.length > MOST_CHARS) return undefined;
  let found: (Range & { place: Place }) | undefined;
  visit(parsed(text), {
    Pair(_, pair, path) {
      const range = rangeOf(pair.key);
      if (range && range.from <= offset && offset <= range.to)
        found = { ...range, place: placeOf([...path, pair]) };
    },
  });
  return found;
}

/** Where the value at `place` is, or its key, or of what is around it as much as there is. */
export function rangeAt(text: string, place: Place): Range | undefined {
  let node: unknown = parsed(text).contents;
  let range = rangeOf(node);
  for (const part of place) {
    if (isMap(node)) {
      const pair = node.items.find((item) => keyOf(item) === String(part));
      if (!pair) break;
      range = rangeOf(pair.key) ?? range;
      node = pair.value;
    } else if (isSeq(node) && typeof part === "number") {
      node = node.items[part];
      range = rangeOf(node) ?? range;
    } else break;
  }
  return range;
}

export interface Range {
  from: number;
  to: number;
}

export function rangeOf(node: unknown): Range | undefined {
  const range = (node as Node | null | undefined)?.range;
  return range ? { from: range[0], to: range[1] } : undefined;
}

/** `tasks[0].env.A` as a place. */
export function placeOfField(field: string): Place {
  const parts = field.matchAll(/\[(\d+)\]|([^.[\]]+)/g);
  return [...parts].map(([, index, name]) => (index === undefined ? (name ?? "") : Number(index)));
}

export function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key ?? "");
}

function wordAt(text: string, offset: number): Range {
  const from = offset - (WORD.exec(text.slice(Math.max(0, offset - 200), offset))?.[0].length ?? 0);
  let to = offset;
  while (/[\w.$-]/.test(text[to] ?? "")) to += 1;
  return { from, to };
}

function locate(
  text: string,
  word: Range,
  kind: Cursor["kind"],
): Pick<Cursor, "kind" | "place" | "siblings"> | undefined {
  const doc = parseDocument(marked(text, word, kind));
  let found: Pick<Cursor, "kind" | "place" | "siblings"> | undefined;
  visit(doc, {
    Scalar(key, node, path) {
      if (node.value !== MARK) return undefined;
      if (key === "key" && kind === "key") {
        const map = path.at(-2);
        const keys = isMap(map) ? map.items.map(keyOf).filter((name) => name !== MARK) : [];
        found = { kind: "key", place: placeOf(path.slice(0, -1)), siblings: keys };
      } else if (key !== "key" && kind === "value")
        found = { kind: "value", place: placeOf([...path, node]), siblings: [] };
      return visit.BREAK;
    },
  });
  return found;
}

function marked(text: string, word: Range, kind: Cursor["kind"]): string {
  const isQuoted = text[word.from - 1] === '"' && text[word.to] === '"';
  const rest = text.slice(isQuoted ? word.to + 1 : word.to);
  const head = text.slice(0, isQuoted ? word.from - 1 : word.from);
  const isKey = kind === "key" && !/^\s*:/.test(rest);
  const mark = isQuoted ? JSON.stringify(MARK) : MARK;
  return `${head}${mark}${isKey ? ": 0" : ""}${rest}`;
}

/** From the nodes and pairs that lead to a node. */
function placeOf(path: readonly unknown[]): Place {
  const place: (string | number)[] = [];
  path.forEach((node, depth) => {
    if (isPair(node)) place.push(keyOf(node));
    else if (isSeq(node)) {
      const index = node.items.indexOf(path[depth + 1] as Node);
      if (index >= 0) place.push(index);
    }
  });
  return place;
}
