// Job files as trees. Each text is parsed once, whoever asks: nobody may change what is given.
import { type Document, parseDocument } from "yaml";

const MOST_KEPT = 4;
const kept = new Map<string, Document>();

export function parsed(text: string): Document {
  const found = kept.get(text) ?? parseDocument(text);
  kept.delete(text);
  kept.set(text, found); // the last that is asked for is the last to go
  const [oldest] = kept.keys();
  if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
  return found;
}
