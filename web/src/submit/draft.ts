// Drafts are kept in this browser, without secrets, until they are submitted or thrown away.
import { withoutSecrets } from "./edits";

export interface Draft {
  text: string;
  /** In milliseconds since 1970. */
  at: number;
}

const PREFIX = "conveyor.draft.";

export function savedDraft(key: string): Draft | undefined {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(PREFIX + key) ?? "null");
    return isDraft(found) ? found : undefined;
  } catch {
    return undefined; // no storage in this window, or another version's
  }
}

/** Whether the draft is kept: not while the text is so broken that its secrets can't be told. */
export function saveDraft(key: string, text: string, now: number): boolean {
  const kept = withoutSecrets(text);
  if (kept === undefined) return false;
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify({ text: kept, at: now }));
    return true;
  } catch {
    return false; // no storage, or it is full
  }
}

export function deleteDraft(key: string): void {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // as above: then there is none
  }
}

function isDraft(found: unknown): found is Draft {
  return (
    typeof found === "object" &&
    found !== null &&
    "text" in found &&
    typeof found.text === "string" &&
    "at" in found &&
    typeof found.at === "number"
  );
}
