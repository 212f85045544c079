// What an edit of a job or a schedule changes of what there is.
import { Document } from "yaml";
import { isSame, treeOf, valuesOf } from "./edits";
import { parsed } from "./parsed";

type Fields = Record<string, unknown>;
const VALUES = ["inputs", "secrets", "uploads"] as const;

export interface Values {
  inputs: Fields;
  secrets: Fields;
  uploads: Fields;
}

/** The values that differ, where nothing but values does: the job can run again as it is stored,
 * with its secrets. Undefined where more differs. */
export function changedValues(before: string, after: string): Values | undefined {
  const [was, is] = [fieldsOf(before), fieldsOf(after)];
  if (!was || !is || !isSame(rest(was), rest(is))) return undefined;
  const changed: Values = { inputs: {}, secrets: {}, uploads: {} };
  for (const name of VALUES) {
    const [old, now] = [spelled(before, name, was), spelled(after, name, is)];
    if (Object.keys(old).some((key) => !(key in now))) return undefined;
    for (const [key, value] of Object.entries(now))
      if (!isSame(value, old[key])) changed[name][key] = value;
  }
  return changed;
}

/** Single values as texts: `1.10` is not `1.1`. */
function spelled(text: string, name: string, fields: Fields): Fields {
  const texts = valuesOf(text, name).filter((value) => value.text !== undefined);
  return { ...mapping(fields[name]), ...Object.fromEntries(texts.map((v) => [v.name, v.text])) };
}

/** The merge patch between two texts, in YAML: what is not quoted stays so. */
export function patchText(before: string, after: string): string {
  const patch = patchBetween(treeOf(before), treeOf(after));
  const source = parsed(after);
  const doc = new Document(patch);
  const copy = (part: unknown, place: string[]): void => {
    if (isMapping(part))
      for (const [key, value] of Object.entries(part)) copy(value, [...place, key]);
    else if (part !== null && place.length) doc.setIn(place, source.getIn(place, true));
  };
  copy(patch, []);
  return doc.toString({ lineWidth: 0 });
}

/** The JSON merge patch from one text to the other. */
export function patchBetween(before: unknown, after: unknown): unknown {
  if (!isMapping(before) || !isMapping(after)) return after;
  const patch: Fields = {};
  for (const key of Object.keys(before)) if (!(key in after)) patch[key] = null;
  for (const [key, value] of Object.entries(after))
    if (!isSame(before[key], value)) patch[key] = patchBetween(before[key], value);
  return patch;
}

function fieldsOf(text: string): Fields | undefined {
  try {
    const tree = treeOf(text);
    return isMapping(tree) ? tree : undefined;
  } catch {
    return undefined; // it is being written
  }
}

function rest(fields: Fields): Fields {
  const others = Object.entries(fields).filter(([name]) => !VALUES.some((one) => one === name));
  return Object.fromEntries(others);
}

const mapping = (value: unknown): Fields => (isMapping(value) ? value : {});

function isMapping(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
