// A new secret: shown once, where it was made.
import { signal } from "@preact/signals";
import { Button } from "../ui/button";
import { Copy } from "../ui/copy";

/** Kept until it is put away or another page is opened; in memory alone. */
export const newSecret = signal<{ id: string; secret: string } | undefined>(undefined);

export function SecretNote({ id }: { id: string }) {
  const shown = newSecret.value;
  if (shown?.id !== id) return null;
  return (
    <div class="note state-warned webhooks-secret" role="status">
      <h2>Copy the secret now: it is not shown again</h2>
      <p>The receiver verifies with it that requests are from here.</p>
      <div class="row">
        <code>{shown.secret}</code>
        <Copy text={shown.secret} label="Copy secret" />
        <Button
          small
          onClick={() => {
            newSecret.value = undefined;
          }}
        >
          I have it
        </Button>
      </div>
    </div>
  );
}
