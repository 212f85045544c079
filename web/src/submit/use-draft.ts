// Keeps the draft of what is typed.
import { useEffect, useState } from "preact/hooks";
import { type Draft, deleteDraft, saveDraft, savedDraft } from "./draft";

const PAUSE_MS = 500;

interface Kept {
  /** What was found when the page was opened, until it is thrown away. */
  restored: Draft | undefined;
  /** In words, for the user. */
  said: string;
  forget: () => void;
}

export function useDraft(key: string, before: string, text: string): Kept {
  const [restored, setRestored] = useState(() => differing(savedDraft(key), before));
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => {
      if (text === before) {
        deleteDraft(key);
        setSaid("");
      } else
        setSaid(
          saveDraft(key, text, Date.now())
            ? "The draft is kept in this browser, without secrets."
            : "The draft is not kept: first the text must be valid, so that its secrets are known.",
        );
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [key, before, text]);
  const forget = () => {
    deleteDraft(key);
    setRestored(undefined);
  };
  return { restored, said, forget };
}

export function differing(draft: Draft | undefined, before: string): Draft | undefined {
  return draft && draft.text !== before ? draft : undefined;
}
