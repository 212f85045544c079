// What the JSON Schema of job files says of a place in a file.

export type Place = readonly (string | number)[];

/** As much of JSON Schema as the schema of job files uses. */
export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  anyOf?: Schema[];
  type?: string | string[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  examples?: unknown[];
  description?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
}

export interface FieldHelp {
  name: string;
  description: string;
  /** In a word or two: "text", "list", "duration". */
  type: string;
  isRequired: boolean;
  /** What a value of it begins with in block YAML. */
  shape: "scalar" | "mapping" | "list";
}

/** All that may stand at `place`: the branches of its alternatives, without null. */
export function alternatives(root: Schema, place: Place): Schema[] {
  let found = resolved(root, [root]);
  for (const part of place) {
    const next = found.flatMap((schema) => step(schema, part));
    found = resolved(root, next);
  }
  return found;
}

/** The fields of the mapping at `place`. */
export function fieldsAt(root: Schema, place: Place): FieldHelp[] {
  const fields = new Map<string, FieldHelp>();
  for (const schema of alternatives(root, place))
    for (const [name, field] of Object.entries(schema.properties ?? {}))
      if (!fields.has(name)) fields.set(name, help(root, name, field, schema));
  return [...fields.values()];
}

/** What the field at `place` is, if the schema knows it. */
export function fieldAt(root: Schema, place: Place): FieldHelp | undefined {
  const name = place.at(-1);
  if (typeof name !== "string") return undefined;
  return fieldsAt(root, place.slice(0, -1)).find((field) => field.name === name);
}

/** The values that can be chosen at `place`: words of an enumeration, true and false, examples. */
export function valuesAt(root: Schema, place: Place): string[] {
  const values = alternatives(root, place).flatMap((schema) => {
    const chosen = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
    if (chosen) return chosen;
    if (schema.type === "boolean") return [true, false];
    return schema.examples ?? [];
  });
  return [...new Set(values.map(String))];
}

function step(schema: Schema, part: string | number): Schema[] {
  if (typeof part === "number") return schema.items ? [schema.items] : [];
  const field = schema.properties?.[part];
  if (field) return [field];
  const others = schema.additionalProperties;
  return typeof others === "object" ? [others] : [];
}

function resolved(root: Schema, schemas: Schema[]): Schema[] {
  return schemas.flatMap((schema) => {
    const target = schema.$ref && root.$defs?.[schema.$ref.replace("#/$defs/", "")];
    if (target) return resolved(root, [target]);
    if (schema.anyOf) return resolved(root, schema.anyOf);
    return schema.type === "null" ? [] : [schema];
  });
}

function help(root: Schema, name: string, field: Schema, parent: Schema): FieldHelp {
  const choices = resolved(root, [field]);
  const description = field.description ?? choices[0]?.description ?? "";
  return {
    name,
    description: description.replaceAll("\n", " "),
    type: [...new Set(choices.map(typeOf))].join(" or "),
    isRequired: parent.required?.includes(name) ?? false,
    shape: shapeOf(choices),
  };
}

function typeOf(schema: Schema): string {
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.const !== undefined) return String(schema.const);
  if (schema.pattern?.includes("ns|us|")) return "duration";
  const type = Array.isArray(schema.type) ? "string" : schema.type;
  const words: Record<string, string> = {
    string: "text",
    array: "list",
    object: "mapping",
    boolean: "true or false",
    integer: "whole number",
  };
  return words[type ?? ""] ?? type ?? "anything";
}

function shapeOf(choices: readonly Schema[]): FieldHelp["shape"] {
  const type = choices[0]?.type;
  return type === "object" ? "mapping" : type === "array" ? "list" : "scalar";
}
