// Which tasks are listed: by state, with how many there are, name, index; and in which order.
import { useEffect, useState } from "preact/hooks";
import type { Schemas } from "../api/client";
import { count } from "../ui/format";
import { State, shownState } from "../ui/state";
import type { Query } from "./address";
import type { Asked } from "./task-rows";
import { STATES, toggled } from "./words";

/** So many are found by looking. */
const FEW = 20;

interface Props {
  asked: Asked;
  page: Schemas["TaskPage"] | undefined;
  change: (next: Query) => void;
}

export function TaskFilters({ asked, page, change }: Props) {
  const counts: Partial<Record<string, number>> = page?.counts ?? {};
  const all = Object.values(counts).reduce<number>((sum, n) => sum + (n ?? 0), 0);
  const notBegun = page?.notBegun ?? 0;
  const isSearched = !!(asked.q || asked.index);
  const shown = STATES.filter((state) => counts[state] || asked.state.split(",").includes(state));
  return (
    <>
      <div class="toolbar" hidden={all + notBegun <= FEW && !isSearched && page !== undefined}>
        <Text
          label="Name"
          placeholder="Search names"
          value={asked.q}
          settle={(q) => change({ q: q || undefined })}
          class="toolbar-grow"
        />
        {asked.parent !== "top" && (
          <Text
            label="Index"
            placeholder="Index"
            value={asked.index}
            settle={(index) => change({ index: index.replaceAll(/\D/g, "") || undefined })}
            class="task-index-filter"
            isNumber
          />
        )}
        <select
          aria-label="Order"
          value={asked.order}
          onChange={(event) => change({ order: event.currentTarget.value })}
        >
          <option value="position">In order</option>
          <option value="failed-first">Failed first</option>
          <option value="newest">Newest first</option>
        </select>
      </div>
      <fieldset class="toolbar" aria-label="States">
        <button
          type="button"
          class="chip"
          aria-pressed={!asked.state}
          onClick={() => change({ state: undefined })}
        >
          All <span class="muted">{count(all + notBegun)}</span>
        </button>
        {shown.map((state) => (
          <button
            type="button"
            class="chip"
            key={state}
            aria-pressed={asked.state.split(",").includes(state)}
            aria-label={`${shownState(state).word} ${count(counts[state] ?? 0)}`}
            onClick={() => change({ state: toggled(asked.state, state) || undefined })}
          >
            <State state={state} /> <span class="muted">{count(counts[state] ?? 0)}</span>
          </button>
        ))}
        {notBegun > 0 && <span class="muted">{count(notBegun)} not started</span>}
      </fieldset>
    </>
  );
}

interface TextProps {
  label: string;
  placeholder: string;
  value: string;
  settle: (text: string) => void;
  class: string;
  isNumber?: boolean;
}

const SETTLES_MS = 250;

/** A text that counts once it has not changed for a moment. */
function Text({ label, placeholder, value, settle, class: classes, isNumber }: TextProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => settle(text), SETTLES_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <input
      type="search"
      class={classes}
      aria-label={label}
      placeholder={placeholder}
      inputMode={isNumber ? "numeric" : undefined}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
    />
  );
}
