// Does what the API may refuse: the buttons wait, a refusal is kept to be shown, then all is read again.
import { useState } from "preact/hooks";
import { announce } from "./announce";

export interface Acts {
  /** Resolves when it is done or refused: whether it was done. `said` is told a screen reader. */
  act: (work: () => Promise<unknown>, said?: string) => Promise<boolean>;
  /** Of the last attempt. */
  error: unknown;
  isBusy: boolean;
}

/** `reload` runs after each attempt: what is refused is often not as it is shown. */
export function useAct(reload?: () => void): Acts {
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const act: Acts["act"] = async (work, said) => {
    setBusy(true);
    setError(undefined);
    try {
      await work();
      if (said) announce(said);
      return true;
    } catch (refusal) {
      setError(refusal);
      return false;
    } finally {
      setBusy(false);
      reload?.();
    }
  };
  return { act, error, isBusy };
}
