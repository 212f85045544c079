// What is looked for, found in the lines that are shown.
import type { Span } from "./ansi";

export interface Search {
  text: string;
  isRegex: boolean;
  mindsCase: boolean;
}

/** Undefined where nothing is looked for, or what only the server understands. */
export function pattern({ text, isRegex, mindsCase }: Search): RegExp | undefined {
  if (!text) return undefined;
  const source = isRegex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  try {
    return new RegExp(source, mindsCase ? "g" : "gi");
  } catch {
    return undefined; // the syntaxes differ: the server says whether it is wrong
  }
}

const LONGEST_TRIED = 1000;
const GROUP = /\((?:[^()\\]|\\.)*\)/g;
const REPEATED = /[*+{]/;

/** Whether a browser may try a regular expression: it tries all ways to repeat what is repeated
 * already, which can take for ever. The server's knows better, but for references back. */
export function isQuick(search: Search, text: string): boolean {
  if (!search.isRegex) return true;
  if (text.length > LONGEST_TRIED || /\\[1-9k]/.test(search.text)) return false;
  let rest = search.text.replace(/\[(?:[^\]\\]|\\.)*\]/g, "c"); // of these any is one character
  while (rest.match(GROUP)) {
    if (/\((?:[^()\\]|\\.)*[*+{|](?:[^()\\]|\\.)*\)[*+{]/.test(rest)) return false;
    rest = rest.replace(GROUP, (group) => (REPEATED.test(group) ? "c*" : "c"));
  }
  return true;
}

const WHOLE = /.+/gs;

/** What to mark in a line that the server has found: all of it where the browser can't tell. */
export function markedIn(search: Search, found: RegExp, text: string): RegExp {
  return isQuick(search, text) ? found : WHOLE;
}

/** Cuts spans where matches begin and end. */
export function marked(spans: readonly Span[], found: RegExp): (Span & { isMatch: boolean })[] {
  const text = spans.map((span) => span.text).join("");
  const matches = [...text.matchAll(found)].filter((match) => match[0] !== "");
  const cuts = matches.flatMap((match) => [match.index, match.index + match[0].length]);
  const shown: (Span & { isMatch: boolean })[] = [];
  let at = 0;
  let next = 0;
  for (const span of spans) {
    const end = at + span.text.length;
    while (at < end) {
      while (next < cuts.length && (cuts[next] as number) <= at) next += 1;
      const until = Math.min(cuts[next] ?? end, end);
      const part = span.text.slice(span.text.length - (end - at), span.text.length - (end - until));
      shown.push({ ...span, text: part, isMatch: next % 2 === 1 });
      at = until;
    }
  }
  return shown;
}

/** The place in `numbers` of the first that is not before `line`; of the first, after the last. */
export function firstFrom(numbers: readonly number[], line: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) < line) low = middle + 1;
    else high = middle;
  }
  return low === numbers.length ? 0 : low;
}
