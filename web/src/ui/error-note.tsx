// What went wrong, where it did, in the API's words.
import { ApiError } from "../api/client";
import { Button } from "./button";
import { Mark } from "./state";

export function ErrorNote({ error, retry }: { error: unknown; retry?: () => void }) {
  const rules = error instanceof ApiError ? error.errors : [];
  return (
    <div class="note state-failed" role="alert">
      <p>
        <Mark look="failed" shape="cross" word={message(error)} />
      </p>
      {rules.length > 1 && (
        <ul>
          {rules.map((rule) => (
            <li key={`${rule.field} ${rule.rule}`}>
              {rule.field && <code>{rule.field}</code>} {rule.rule}
            </li>
          ))}
        </ul>
      )}
      {retry && (
        <Button small onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
