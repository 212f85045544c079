// The headers of an endpoint: stored ones have a value that nobody is shown.
import { Button } from "../ui/button";
import type { HeaderRow } from "./form-values";

interface Props {
  rows: readonly HeaderRow[];
  change: (rows: HeaderRow[]) => void;
  error?: string | undefined;
}

export function HeaderRows({ rows, change, error }: Props) {
  const edit = (place: number, more: Partial<HeaderRow>) =>
    change(rows.map((row, at) => (at === place ? { ...row, ...more } : row)));
  return (
    <fieldset class="field">
      <legend class="field-label">Headers</legend>
      {rows.map((row, place) => (
        <div class="webhooks-header" key={place}>
          <input
            aria-label={`Name of header ${place + 1}`}
            value={row.name}
            readOnly={row.isKept}
            placeholder="Authorization"
            spellcheck={false}
            autocomplete="off"
            onInput={(event) => edit(place, { name: event.currentTarget.value })}
          />
          <input
            aria-label={`Value of header ${place + 1}`}
            value={row.value}
            placeholder={row.isKept ? "as it is stored" : "value"}
            spellcheck={false}
            autocomplete="off"
            onInput={(event) => edit(place, { value: event.currentTarget.value })}
          />
          <Button
            kind="quiet"
            aria-label={`Remove header ${row.name || place + 1}`}
            onClick={() => change(rows.filter((_, at) => at !== place))}
          >
            Remove
          </Button>
        </div>
      ))}
      <div>
        <Button small onClick={() => change([...rows, { name: "", value: "", isKept: false }])}>
          Add a header
        </Button>
      </div>
      <span class="field-hint">
        Sent with each request. They are stored encrypted and never shown.
      </span>
      {error && (
        <span class="field-error" role="alert">
          {error}
        </span>
      )}
    </fieldset>
  );
}
