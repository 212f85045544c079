// A job file as a template: its inputs become defaults, and the rest stays as it is.
import { isMap, isSeq, parseDocument } from "yaml";

const MOST = 64;

/** Undefined where the text is no job. */
export function asTemplate(text: string): string | undefined {
  const doc = parseDocument(text);
  if (doc.errors.length || !isMap(doc.contents)) return undefined;
  const inputs = doc.get("inputs");
  const asked = isMap(inputs)
    ? inputs.items.map(({ key, value }) => [
        String(key),
        isMap(value) || isSeq(value)
          ? { type: isMap(value) ? "object" : "array", default: value.toJSON() }
          : { default: value === null ? "" : String(value) },
      ])
    : [];
  const head = {
    name: nameOf(String(doc.get("name") ?? "")),
    version: "1.0",
    ...(asked.length && { inputs: Object.fromEntries(asked) }),
  };
  doc.contents.items.unshift(doc.createPair("template", head));
  doc.delete("inputs");
  doc.delete("wait");
  return doc.toString({ lineWidth: 0 });
}

const nameOf = (job: string): string =>
  job
    .trim()
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, MOST) || "my-template";
