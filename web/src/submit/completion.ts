// What can be written at the cursor: fields and values of the schema, and names in expressions.
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { isMap, isSeq } from "yaml";
import { isJson, valuesOf } from "./edits";
import { parsed } from "./parsed";
import { cursorAt, keyOf, MOST_CHARS } from "./position";
import { type FieldHelp, fieldsAt, type Schema, valuesAt } from "./schema";

/** A completion without the editor: what is put in, and where the cursor is then. */
export interface Choice {
  label: string;
  detail: string;
  info: string;
  insert: string;
}

export interface Choices {
  from: number;
  to: number;
  choices: Choice[];
}

export function choicesAt(schema: Schema, text: string, offset: number): Choices | undefined {
  const names = expressionChoices(text, offset);
  if (names) return names;
  const cursor = cursorAt(text, offset);
  if (!cursor) return undefined;
  const { from, to, place, kind, siblings } = cursor;
  if (kind === "key") {
    const fields = fieldsAt(schema, place).filter((field) => !siblings.includes(field.name));
    if (fields.length) {
      const column = from - text.lastIndexOf("\n", from - 1) - 1;
      const isPlain = !isJson(text) && !/[{,]\s*$/.test(text.slice(0, from));
      const hasColon = /^\s*:/.test(text.slice(to));
      return { from, to, choices: fields.map((f) => keyChoice(f, column, isPlain, hasColon)) };
    }
  }
  const choices = valuesAt(schema, place).map((value) => ({
    label: value,
    detail: "",
    info: "",
    insert: value,
  }));
  return choices.length ? { from, to, choices } : undefined;
}

/** As CodeMirror asks for it. */
export function completionSource(schema: () => Schema | undefined) {
  return (context: CompletionContext): CompletionResult | null => {
    const known = schema();
    const text = context.state.doc.toString();
    const found = known && choicesAt(known, text, context.pos);
    if (!found || (!context.explicit && found.from === context.pos && !afterDot(text, context.pos)))
      return null;
    return {
      from: found.from,
      to: found.to,
      options: found.choices.map(optionOf),
      validFor: /^[\w$-]*$/,
    };
  };
}

function optionOf(choice: Choice, index: number): Completion {
  return {
    label: choice.label,
    detail: choice.detail,
    info: choice.info || undefined,
    apply: choice.insert,
    boost: -index / 100, // in the order of the language
  };
}

function keyChoice(field: FieldHelp, column: number, isPlain: boolean, hasColon: boolean): Choice {
  const inner = `\n${" ".repeat(column + 2)}`;
  const value = { scalar: " ", mapping: isPlain ? inner : " ", list: isPlain ? `${inner}- ` : " " };
  return {
    label: field.name,
    detail: field.isRequired ? `${field.type}, required` : field.type,
    info: field.description,
    insert: hasColon || !isPlain ? field.name : `${field.name}:${value[field.shape]}`,
  };
}

const afterDot = (text: string, offset: number) => text[offset - 1] === ".";

/** Within `{{ }}`: what an expression can read. */
function expressionChoices(text: string, offset: number): Choices | undefined {
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
  const inside = /\{\{(?:(?!\}\}).)*?([\w.$]*)$/.exec(line);
  if (!inside || text.length > MOST_CHARS) return undefined;
  const word = inside[1] ?? "";
  const choices = expressionNames(text).map(([label, info]) => ({
    label,
    info,
    detail: "",
    insert: label,
  }));
  return { from: offset - word.length, to: offset, choices };
}

export function expressionNames(text: string): [string, string][] {
  const of = (field: string) => valuesOf(text, field).map(({ name }) => name);
  const member = (name: string) =>
    /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
  return [
    ...of("inputs").map((name): [string, string] => [
      `inputs${member(name)}`,
      "An input of the job.",
    ]),
    ...of("secrets").map((name): [string, string] => [
      `secrets${member(name)}`,
      "A secret of the job.",
    ]),
    ...variables(text).map((name): [string, string] => [
      `tasks${member(name)}`,
      "The result of a task that has ended.",
    ]),
    ["job.id", "The id of the job."],
    ["job.name", "The name of the job."],
    ["item.value", "In `each`: the item."],
    ["item.index", "In `each`: its number, from 0."],
  ];
}

function variables(text: string): string[] {
  const tasks = parsed(text).get("tasks");
  if (!isSeq(tasks)) return [];
  return tasks.items.flatMap((task) => {
    const pair = isMap(task) ? task.items.find((item) => keyOf(item) === "var") : undefined;
    const name = pair && String((pair.value as { value?: unknown } | null)?.value ?? "");
    return name ? [name] : [];
  });
}
