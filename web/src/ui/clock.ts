// The time, once a second, while somebody can see the page.
import { signal } from "@preact/signals";

/** Milliseconds since 1970. */
export const now = signal(Date.now());

const tick = () => {
  if (!document.hidden) now.value = Date.now();
};
setInterval(tick, 1000);
document.addEventListener("visibilitychange", tick);
