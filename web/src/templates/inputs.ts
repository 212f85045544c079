// The inputs of a template as fields of a form, and what is typed in them as a request.
import type { BrokenRule, Schemas } from "../api/client";

export type Template = Schemas["TemplateVersion"];

export type Kind = "text" | "number" | "boolean" | "choice" | "json" | "file" | "secret";

export interface Input {
  name: string;
  label: string;
  kind: Kind;
  hint: string;
  isRequired: boolean;
  /** As it is typed; empty: none. */
  initial: string;
  choices: string[];
}

interface Property {
  type?: string;
  "x-type"?: string;
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  pattern?: string;
}

/** In the order of the file. */
export function inputsOf(schema: Template["inputSchema"]): Input[] {
  const properties = (schema.properties ?? {}) as Record<string, Property>;
  const required = (schema.required ?? []) as string[];
  return Object.entries(properties).map(([name, one]) => ({
    name,
    label: one.title ?? name,
    kind: kindOf(one),
    hint: hintOf(one, required.includes(name)),
    isRequired: required.includes(name),
    initial: one.default === undefined ? "" : textOf(one.default),
    choices: (one.enum ?? []).map(textOf),
  }));
}

function kindOf(one: Property): Kind {
  if (one["x-type"] === "file" || one["x-type"] === "secret") return one["x-type"];
  if (one.enum) return "choice";
  switch (one.type) {
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "array":
    case "object":
      return "json";
    default:
      return "text";
  }
}

function hintOf(one: Property, isRequired: boolean): string {
  const rules = [
    one.type === "array" && "A JSON list.",
    one.type === "object" && "A JSON object.",
    one.minimum !== undefined && `At least ${one.minimum}.`,
    one.maximum !== undefined && `At most ${one.maximum}.`,
    one.maxLength !== undefined && `At most ${one.maxLength} characters.`,
    one.pattern !== undefined && `Must match ${one.pattern}.`,
    !isRequired && one.default === undefined && "May be left empty.",
  ];
  return [one.description, ...rules].filter(Boolean).join(" ");
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);

export type Values = Readonly<Record<string, unknown>>;

/** Of a job of its own, which says no more of its inputs than their values. */
export const inputsOfValues = (values: Values): Input[] =>
  Object.entries(values).map(([name, value]) => ({
    name,
    label: name,
    kind: typeof value === "object" ? "json" : "text",
    hint: "",
    isRequired: false,
    initial: "",
    choices: [],
  }));

/** As it is typed when a form is opened: what is given, or else the defaults. */
export const typedOf = (inputs: readonly Input[], given: Values): Record<string, string> =>
  Object.fromEntries(
    inputs.map(({ name, initial }) => [name, name in given ? textOf(given[name]) : initial]),
  );

/** A merge patch of what is given: null takes an input away. */
export function inputsPatch(
  inputs: readonly Input[],
  given: Values,
  typed: Record<string, string>,
): Record<string, string | null> {
  const changed = changedOf(inputs, given, typed);
  return Object.fromEntries(changed.map(({ name }) => [name, typed[name] || null]));
}

function changedOf(inputs: readonly Input[], given: Values, typed: Record<string, string>) {
  const before = typedOf(inputs, given);
  return inputs.filter(({ name }) => typed[name] !== before[name]);
}

/** What is typed otherwise than given, as values. */
export const typedAnew = (
  inputs: readonly Input[],
  given: Values,
  typed: Record<string, string>,
): Record<string, unknown> =>
  Object.fromEntries(
    changedOf(inputs, given, typed).map(({ name, kind }) => {
      const text = typed[name] ?? "";
      return [name, kind === "json" ? jsonOf(text) : text];
    }),
  );

/** What is no JSON stays a text: the server says what is wrong with it. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What is typed, by the names of inputs; `uploads` are ids of files that are sent. */
export function runBody(
  inputs: readonly Input[],
  typed: Record<string, string>,
  uploads: Record<string, string>,
): Schemas["TemplateRun"] {
  const given = (isOf: (kind: Kind) => boolean) =>
    Object.fromEntries(
      inputs
        .filter((one) => isOf(one.kind) && typed[one.name])
        .map((one) => [one.name, typed[one.name] ?? ""]),
    );
  return {
    inputs: given((kind) => kind !== "secret" && kind !== "file"),
    secrets: given((kind) => kind === "secret"),
    uploads,
  };
}

const PLACES: Partial<Record<Kind, string>> = { secret: "secrets", file: "uploads" };

/** The rule that the value of an input breaks. */
export function ruleOf(rules: readonly BrokenRule[], input: Input): string | undefined {
  const field = `${PLACES[input.kind] ?? "inputs"}.${input.name}`;
  const found = rules.find(
    (one) =>
      one.field === field ||
      (/^[.[]/.test(one.field?.slice(field.length) ?? "") && one.field?.startsWith(field)),
  );
  if (!found) return undefined;
  return found.value === undefined ? found.rule : `${String(found.value)}: ${found.rule}`;
}

/** Those that are of no field. */
export function otherRules(rules: readonly BrokenRule[], inputs: readonly Input[]): BrokenRule[] {
  return rules.filter((rule) => !inputs.some((input) => ruleOf([rule], input)));
}
