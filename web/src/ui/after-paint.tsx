// What nobody sees at once, such as the content of a menu: the first paint does not wait for it.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

export function AfterPaint({ children }: { children: () => ComponentChildren }) {
  const [isPainted, setPainted] = useState(false);
  useEffect(() => setPainted(true), []);
  return <>{isPainted && children()}</>;
}
