// Search and filters; each change has an address.
import { useEffect, useRef, useState } from "preact/hooks";
import { Field } from "../ui/field";
import { count } from "../ui/format";
import { WhenIdle } from "../ui/idle";
import { shownState } from "../ui/state";
import { addressOf, EVERYTHING, type Filters, isFiltered, STATES, withState } from "./filters";
import type { Jobs } from "./use-jobs";

const TYPING_MS = 300;
const SPANS = [
  ["", "Any time"],
  ["1h", "Last hour"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
] as const;

interface Props {
  filters: Filters;
  show: (filters: Filters, isTyping?: boolean) => void;
  jobs: Jobs;
}

export function FilterBar({ filters, show, jobs }: Props) {
  const isNarrowed = Boolean(filters.tag || filters.by || filters.name || filters.before);
  return (
    <search class="jobs-filters" aria-label="Jobs">
      <div class="toolbar">
        <SearchBox filters={filters} show={show} />
        <Since filters={filters} show={show} />
      </div>
      <div class="toolbar jobs-states">
        {STATES.map((state) => (
          <StateChip key={state} state={state} filters={filters} jobs={jobs} />
        ))}
        {isFiltered(filters) && (
          <a class="button button-quiet button-small" href={addressOf(EVERYTHING)}>
            Clear all
          </a>
        )}
      </div>
      <details class="jobs-more" open={isNarrowed}>
        <summary>More filters, and how to search</summary>
        <WhenIdle>{() => <MoreFilters filters={filters} show={show} />}</WhenIdle>
      </details>
    </search>
  );
}

function MoreFilters({ filters, show }: Pick<Props, "filters" | "show">) {
  return (
    <>
      <div class="jobs-more-fields">
        <TextFilter label="Tag" name="tag" filters={filters} show={show} />
        <TextFilter label="Words of the name" name="name" filters={filters} show={show} />
        <TextFilter label="Submitted by" name="by" filters={filters} show={show} />
        <TextFilter
          label="Submitted before"
          name="before"
          hint="A time, or how long ago: 7d"
          filters={filters}
          show={show}
        />
      </div>
      <SearchHelp />
    </>
  );
}

function StateChip({ state, filters, jobs }: { state: string; filters: Filters; jobs: Jobs }) {
  const isOn = filters.states.includes(state);
  const found = jobs.counts?.[state];
  const isMore = found !== undefined && found >= jobs.mostCounted;
  return (
    <a
      class="chip"
      href={addressOf(withState(filters, state))}
      aria-current={isOn ? "true" : undefined}
    >
      {shownState(state).word}
      <span class="muted">{found === undefined ? " " : `${count(found)}${isMore ? "+" : ""}`}</span>
    </a>
  );
}

/** What is typed is searched for when the typing pauses. */
function useTyped(value: string, search: (text: string, isTyping: boolean) => void) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setText(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const onInput = (typed: string) => {
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => search(typed.trim(), true), TYPING_MS);
  };
  const onEnter = () => {
    clearTimeout(timer.current);
    search(text.trim(), false);
  };
  return { text, onInput, onEnter };
}

function SearchBox({ filters, show }: Pick<Props, "filters" | "show">) {
  const typed = useTyped(filters.q, (q, isTyping) => {
    if (q !== filters.q) show({ ...filters, q }, isTyping);
  });
  return (
    <form
      class="toolbar-grow"
      onSubmit={(event) => {
        event.preventDefault();
        typed.onEnter();
      }}
    >
      <input
        id="jobs-search"
        type="search"
        aria-label="Search jobs"
        aria-keyshortcuts="/"
        placeholder="Search names, descriptions, tags"
        maxLength={1000}
        value={typed.text}
        onInput={(event) => typed.onInput(event.currentTarget.value)}
      />
    </form>
  );
}

interface TextProps extends Pick<Props, "filters" | "show"> {
  label: string;
  name: "tag" | "name" | "by" | "before";
  hint?: string;
}

function TextFilter({ label, name, hint, filters, show }: TextProps) {
  const typed = useTyped(filters[name], (text, isTyping) => {
    if (text !== filters[name]) show({ ...filters, [name]: text }, isTyping);
  });
  return (
    <Field label={label} {...(hint ? { hint } : {})}>
      <input
        value={typed.text}
        onInput={(event) => typed.onInput(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Enter" && typed.onEnter()}
      />
    </Field>
  );
}

function Since({ filters, show }: Pick<Props, "filters" | "show">) {
  const isOther = !SPANS.some(([span]) => span === filters.since);
  return (
    <select
      aria-label="Submitted"
      value={filters.since}
      onChange={(event) => show({ ...filters, since: event.currentTarget.value })}
    >
      {SPANS.map(([span, name]) => (
        <option key={span} value={span}>
          {name}
        </option>
      ))}
      {isOther && <option value={filters.since}>Since {filters.since}</option>}
    </select>
  );
}

const HELP = [
  ["convert video", "both words, in any form, in name, description or tags"],
  ["conv", "also the beginning of a word"],
  ["tag:nightly", "a tag; tags:a,b is one of several"],
  ["state:failed", "a state; state:running,failed is one of several"],
  ['name:"night run"', "words of the name"],
  ["by:ann", "who submitted it"],
  ["since:24h before:1h", "a time, or how long ago"],
  ["waiting", "on its own: jobs that wait, with the reason"],
] as const;

function SearchHelp() {
  return (
    <table class="jobs-help">
      <caption class="unseen">How to search</caption>
      <tbody>
        {HELP.map(([example, meaning]) => (
          <tr key={example}>
            <td>
              <a href={addressOf({ ...EVERYTHING, q: example })}>
                <code>{example}</code>
              </a>
            </td>
            <td class="muted">{meaning}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
