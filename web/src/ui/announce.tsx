// What a screen reader is told of what happens by itself.
import { signal } from "@preact/signals";

const said = signal("");

/** Says it once, politely. */
export function announce(text: string): void {
  said.value = said.value === text ? `${text}\u00a0` : text;
}

export function LiveRegion() {
  return (
    <div class="unseen" role="status" aria-live="polite">
      {said.value}
    </div>
  );
}
