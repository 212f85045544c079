// The examples to begin with: searched, looked at, taken.
import { useState } from "preact/hooks";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { type Example, examples, exampleText } from "./source";

interface Props {
  /** What is written would be lost. */
  isDirty: boolean;
  onUse: (text: string, name: string) => void;
}

export function Templates({ isDirty, onUse }: Props) {
  const [search, setSearch] = useState("");
  const [chosen, setChosen] = useState<string>();
  const { data, error, reload } = useLoad("examples", examples);
  const found = matching(data ?? [], search);
  return (
    <section class="submit-templates panel" aria-label="Examples">
      <div class="submit-templates-list">
        <Field label="Search examples">
          <input type="search" value={search} onInput={(e) => setSearch(e.currentTarget.value)} />
        </Field>
        {error ? <ErrorNote error={error} retry={reload} /> : null}
        <ul>
          {found.map((example) => (
            <li key={example.name}>
              <button
                type="button"
                class="submit-template"
                aria-pressed={chosen === example.name}
                onClick={() => setChosen(example.name)}
              >
                <strong>{example.name}</strong>
                {example.scheduled && <span class="tag">scheduled</span>}
                <span class="muted">{example.description}</span>
              </button>
            </li>
          ))}
        </ul>
        {data && !found.length && (
          <p class="muted">No example has these words. Clear the search to see all of them.</p>
        )}
      </div>
      <Preview name={chosen} isDirty={isDirty} onUse={onUse} />
    </section>
  );
}

function Preview({ name, isDirty, onUse }: Props & { name: string | undefined }) {
  const { data, error, reload } = useLoad(`example ${name ?? ""}`, async (signal) =>
    name ? exampleText(name, signal) : "",
  );
  if (!name) return <p class="submit-preview muted">Choose an example to see it here.</p>;
  return (
    <div class="submit-preview">
      <div class="row">
        <h2>{name}</h2>
        <Button small disabled={!data} onClick={() => data && onUse(data, name)}>
          Use this example
        </Button>
        {isDirty && <span class="muted small">It replaces what you have written.</span>}
      </div>
      {error ? <ErrorNote error={error} retry={reload} /> : null}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard */}
      <section class="submit-preview-text" tabIndex={0} aria-label={`Preview of ${name}`}>
        <pre>{data}</pre>
      </section>
    </div>
  );
}

function matching(all: readonly Example[], search: string): Example[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter(({ name, description }) => {
    const text = `${name} ${description}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
