// Changes of a job file that leave the rest of its text as it is, in YAML and JSON.
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";
import { parsed } from "./parsed";
import { keyOf, rangeOf } from "./position";
import type { Place } from "./schema";

/** Replace `from` to `to` by `insert`. */
export interface Edit {
  from: number;
  to: number;
  insert: string;
}

export interface Value {
  name: string;
  /** Undefined for lists and mappings. */
  text: string | undefined;
}

/** What the server shows in place of a secret. */
export const HIDDEN = "[REDACTED]";
const SECRET_FIELDS = ["password", "secret", "accessKey", "secretKey", "sessionToken"];
/** More than the server hides: a draft lies in the browser in clear. */
const SECRET_NAME =
  /secret|passw|pwd|(access|api|private)[-_]?key|token|credential|authorization|cookie/i;
const EXPRESSION = /^\s*(\w+ +)?(\{\{.*?\}\}\s*)+$/;

export function isJson(text: string): boolean {
  return /^\s*[{[]/.test(text);
}

/** The values of `inputs`, `secrets` or `uploads`. */
export function valuesOf(text: string, field: string): Value[] {
  const values = mapAt(parsed(text), field)?.items ?? [];
  return values.map((pair) => ({ name: keyOf(pair), text: textOf(pair) }));
}

/** Sets a value of `inputs`, `secrets` or `uploads`; undefined where the text has no place for it. */
export function withValue(
  text: string,
  field: string,
  name: string,
  value: string,
): Edit | undefined {
  const doc = parsed(text);
  const map = mapAt(doc, field);
  const pair = map?.items.find((item) => keyOf(item) === name);
  const quoted = JSON.stringify(value);
  if (pair) return replaced(pair, quoted, text);
  if (!isMap(doc.contents))
    return text.trim() ? undefined : appended(text, `${field}:\n  ${name}: ${quoted}`);
  if (map?.items.length) return added(text, map, `${keyText(text, name)}: ${quoted}`);
  if (doc.contents.flow) return added(text, doc.contents, `"${field}": {"${name}": ${quoted}}`);
  const old = doc.contents.items.find((item) => keyOf(item) === field);
  if (old) return undefined;
  return appended(text, `${field}:\n  ${keyText(text, name)}: ${quoted}`);
}

/** The text with an edit. */
export function edited(text: string, edit: Edit | undefined): string {
  return edit ? text.slice(0, edit.from) + edit.insert + text.slice(edit.to) : text;
}

/** As `withValue` for many. */
export function withValues(text: string, field: string, values: Record<string, string>): string {
  return Object.entries(values).reduce(
    (made, [name, value]) => edited(made, withValue(made, field, name, value)),
    text,
  );
}

/** Without what must not stay in the browser; undefined where the text is too broken to tell. */
export function withoutSecrets(text: string): string | undefined {
  const doc = parsed(text);
  if (doc.errors.length) return SECRET_NAME.test(text) ? undefined : text;
  const edits: Edit[] = [];
  visit(doc, {
    Pair(_, pair, path) {
      const around = path.findLast((node) => typeof node === "object" && "key" in node);
      if (!isSecret(pair, around && "key" in around ? keyOf(around as Pair) : "")) return;
      const edit = replaced(pair, '""', text);
      if (edit) edits.push(edit);
    },
  });
  return edits.reverse().reduce(edited, text);
}

/** The whole text anew, in one style; undefined where that could change what it says. */
export function formatted(text: string): string | undefined {
  const doc = parseDocument(text, { keepSourceTokens: false });
  if (doc.errors.length) return undefined;
  const made = isJson(text)
    ? jsonOf(text)
    : doc.toString({ lineWidth: 0, flowCollectionPadding: false });
  return made !== undefined && isSame(asRead(text), asRead(made)) ? made : undefined;
}

/** Inserts a source with the upload `name` into the task around `offset`. */
export function withSource(
  text: string,
  offset: number,
  name: string,
  file: string,
): Edit | undefined {
  const task = taskAround(text, offset);
  if (!task || task.flow) return undefined;
  const sources = task.items.find((pair) => keyOf(pair) === "sources")?.value;
  const lines = [
    `- upload: ${name}`,
    `  target: ${/^[\w.-]+$/.test(file) ? file : JSON.stringify(file)}`,
  ];
  const target = isSeq(sources) && !sources.flow ? sources.items.at(-1) : undefined;
  const first = rangeOf(task.items[0]?.key);
  if (!first || (sources && !target)) return undefined;
  const indent = " ".repeat(first.from - lineStart(text, first.from));
  const body = lines.map((line) => `${indent}  ${line}\n`).join("");
  if (target) {
    const at = nextLine(text, rangeOf(target)?.to ?? offset);
    return { from: at, to: at, insert: body };
  }
  const at = nextLine(text, rangeOf(task.items[0]?.value)?.to ?? first.to);
  return { from: at, to: at, insert: `${indent}sources:\n${body}` };
}

/** What is said, whatever its spelling. Throws for what is no YAML. */
export function treeOf(text: string): unknown {
  const doc = parsed(text);
  const [error] = doc.errors;
  if (error) throw error;
  return doc.toJS();
}

function mapAt(doc: Document, field: string): YAMLMap | undefined {
  const found = doc.get(field);
  return isMap(found) ? (found as YAMLMap) : undefined;
}

function textOf(pair: Pair): string | undefined {
  const { value } = pair;
  if (value === null) return "";
  if (!isScalar(value)) return undefined;
  return value.source ?? String(value.value ?? "");
}

function replaced(pair: Pair, insert: string, text: string): Edit | undefined {
  const range = rangeOf(pair.value);
  const key = rangeOf(pair.key);
  if (range && range.to > range.from) {
    const isBlock = text.slice(range.from, range.to).endsWith("\n");
    return { ...range, insert: isBlock ? `${insert}\n` : insert };
  }
  const colon = key ? text.indexOf(":", key.to) + 1 : 0;
  return colon ? { from: colon, to: colon, insert: ` ${insert}` } : undefined;
}

function added(text: string, map: YAMLMap, entry: string): Edit | undefined {
  const last = map.items.at(-1);
  if (!last) return undefined;
  const end = (rangeOf(last.value) ?? rangeOf(last.key))?.to;
  const start = rangeOf(last.key)?.from;
  if (end === undefined || start === undefined) return undefined;
  if (map.flow) return { from: end, to: end, insert: `, ${entry}` };
  const indent = " ".repeat(start - lineStart(text, start));
  const at = nextLine(text, end);
  const lineBreak = text[at - 1] === "\n" ? "" : "\n";
  return { from: at, to: at, insert: `${lineBreak}${indent}${entry}\n` };
}

function appended(text: string, lines: string): Edit {
  const at = text.length;
  return { from: at, to: at, insert: `${text && !text.endsWith("\n") ? "\n" : ""}${lines}\n` };
}

function keyText(text: string, name: string): string {
  return isJson(text) || !/^[A-Za-z_][\w-]*$/.test(name) ? JSON.stringify(name) : name;
}

function isSecret(pair: Pair, around: string): boolean {
  if (!isScalar(pair.value) || EXPRESSION.test(String(pair.value.value))) return false;
  const name = keyOf(pair);
  if (around === "secrets" || SECRET_FIELDS.includes(name)) return true;
  return ["env", "inputs", "headers"].includes(around) && SECRET_NAME.test(name);
}

function taskAround(text: string, offset: number): YAMLMap | undefined {
  const tasks = parsed(text).get("tasks");
  if (!isSeq(tasks)) return undefined;
  const task = tasks.items.findLast((item) => (rangeOf(item)?.from ?? offset) <= offset);
  return isMap(task ?? tasks.items[0]) ? ((task ?? tasks.items[0]) as YAMLMap) : undefined;
}

function jsonOf(text: string): string | undefined {
  try {
    return `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
  } catch {
    return undefined; // YAML in braces: left as it is
  }
}

/** Each scalar as it is spelled: `1.10` is not `1.1`. */
function asRead(text: string): unknown {
  return parseDocument(text, { schema: "failsafe" }).toJS();
}

export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

const lineStart = (text: string, at: number) => text.lastIndexOf("\n", at - 1) + 1;

function nextLine(text: string, at: number): number {
  if (text[at - 1] === "\n") return at;
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end + 1;
}

export type { Place };
