// The field of the search in a log, how many lines it finds, and the way from one to the next.
import type { RefObject } from "preact";
import { Button } from "../ui/button";
import { message } from "../ui/error-note";
import { count } from "../ui/format";
import type { Found } from "./use-search";

export function SearchBar({
  found,
  input,
}: {
  found: Found;
  input: RefObject<HTMLInputElement | null>;
}) {
  const { search, change, step } = found;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") change({ text: "" });
    else return;
    event.preventDefault();
  };
  return (
    <search class="log-search">
      <input
        ref={input}
        type="search"
        class="log-query"
        placeholder="Search the log"
        aria-label="Search the log"
        aria-keyshortcuts="/"
        aria-invalid={found.error ? "true" : undefined}
        value={search.text}
        onInput={(event) => change({ text: event.currentTarget.value })}
        onKeyDown={onKeyDown}
      />
      <Toggle
        label="Aa"
        name="Match case"
        isOn={search.mindsCase}
        onClick={() => change({ mindsCase: !search.mindsCase })}
      />
      <Toggle
        label=".*"
        name="Regular expression"
        isOn={search.isRegex}
        onClick={() => change({ isRegex: !search.isRegex })}
      />
      <span class="log-found small muted" role="status">
        {told(found)}
      </span>
      {found.numbers.length > 0 && (
        <span class="log-steps">
          <Button small kind="quiet" aria-label="Previous match" onClick={() => step(-1)}>
            ↑
          </Button>
          <Button small kind="quiet" aria-label="Next match" onClick={() => step(1)}>
            ↓
          </Button>
        </span>
      )}
    </search>
  );
}

function told({ search, numbers, hasMore, at, error, isSearching }: Found): string {
  if (!search.text) return "";
  if (error) return message(error);
  if (!numbers.length) return isSearching ? "Searching…" : "No line has it";
  return `${count(at + 1)} of ${count(numbers.length)}${hasMore ? "+" : ""} lines`;
}

interface ToggleProps {
  label: string;
  name: string;
  isOn: boolean;
  onClick: () => void;
}

function Toggle({ label, name, isOn, onClick }: ToggleProps) {
  return (
    <Button small kind="quiet" aria-pressed={isOn} aria-label={name} title={name} onClick={onClick}>
      {label}
    </Button>
  );
}
