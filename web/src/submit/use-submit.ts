// Submits what is written, once: a second click, or a repetition after a broken connection, has the
// same idempotency key.
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { announce } from "../ui/announce";
import { planOf, submit, type Work } from "./submission";

interface Submitting {
  submit: () => Promise<void>;
  isBusy: boolean;
  isDone: boolean;
  error: unknown;
}

export function useSubmit(work: () => Work, onDone: () => void): Submitting {
  const { route } = useLocation();
  const [state, setState] = useState({ isBusy: false, isDone: false, error: undefined as unknown });
  const isBusy = useRef(false);
  const last = useRef({ body: "", key: "" });
  const send = async () => {
    if (isBusy.current) return;
    isBusy.current = true;
    setState({ isBusy: true, isDone: false, error: undefined });
    try {
      const { path, body } = planOf(work());
      if (last.current.body !== path + body) last.current = { body: path + body, key: newKey() };
      const { href, name } = await submit(work(), last.current.key);
      setState({ isBusy: false, isDone: true, error: undefined });
      onDone();
      announce(`Submitted ${name}`);
      setTimeout(() => route(href)); // when nobody asks about leaving any more
    } catch (error) {
      setState({ isBusy: false, isDone: false, error });
    } finally {
      isBusy.current = false;
    }
  };
  const newest = useRef(send);
  newest.current = send;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      if (event.defaultPrevented) return; // the editor has seen it
      event.preventDefault();
      void newest.current();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return { submit: send, ...state };
}

/** `crypto.randomUUID` is missing where the page is served without TLS. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
