// What nobody sees at once, such as the content of a menu: the first paint does not wait for it.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Idle or not, what waits is drawn then. */
const PATIENCE_MS = 500;
const SAFARI_MS = 100; // it can't tell when it is idle

/** Whether the browser has had a pause since the component was drawn. */
export function useIdle(): boolean {
  const [isIdle, setIdle] = useState(false);
  useEffect(() => {
    const done = () => setIdle(true);
    if (!("requestIdleCallback" in window)) {
      const timer = setTimeout(done, SAFARI_MS);
      return () => clearTimeout(timer);
    }
    const asked = requestIdleCallback(done, { timeout: PATIENCE_MS });
    return () => cancelIdleCallback(asked);
  }, []);
  return isIdle;
}

/** Draws its children in the first pause. */
export function WhenIdle({ children }: { children: () => ComponentChildren }) {
  return <>{useIdle() && children()}</>;
}
