// One line of a terminal's output as spans: colours, progress bars, and what would harm made visible.
// Written here: the parsers there are make HTML or keep a state that a window of lines can't have.

export interface Style {
  fg?: Colour;
  bg?: Colour;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  strike?: boolean;
  inverse?: boolean;
}

export type Colour = readonly [red: number, green: number, blue: number];

export interface Span {
  text: string;
  style: Style;
  /** What the character is that `text` stands for. */
  control?: string;
}

// CSI sequences, OSC and other strings to their end, and two-character escapes.
const ESCAPE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they begin with
  /(?:\x1b\[|\x9b)([0-9;:?<=>!]*)[ -/]*([@-~])|\x1b[\]PX^_](?:[^\x07\x1b]|\x1b(?!\\))*(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]/g;
// Built of texts: the linter takes no control characters in a pattern.
const CONTROL = new RegExp(
  "[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200b\\u200e\\u200f" +
    "\\u202a-\\u202e\\u2060-\\u2069\\ufeff]",
  "g",
);

/** `raw` without its line break. */
export function spansOf(raw: string): Span[] {
  const line = lastWritten(raw);
  const spans: Span[] = [];
  let style: Style = {};
  let at = 0;
  for (const match of line.matchAll(ESCAPE)) {
    addText(spans, line.slice(at, match.index), style);
    if (match[2] === "m") style = styled(style, match[1] ?? "");
    at = match.index + match[0].length;
  }
  addText(spans, line.slice(at), style);
  return spans;
}

export const textOf = (spans: readonly Span[]): string => spans.map((span) => span.text).join("");

/** Of a line that goes back to its beginning again and again, what was written last. */
function lastWritten(raw: string): string {
  if (!raw.includes("\r")) return raw;
  return raw.split("\r").findLast((part) => part !== "") ?? "";
}

function addText(spans: Span[], text: string, style: Style): void {
  let at = 0;
  for (const match of text.matchAll(CONTROL)) {
    if (match.index > at) spans.push({ text: text.slice(at, match.index), style });
    spans.push({ text: visible(match[0]), style, control: codePoint(match[0]) });
    at = match.index + match[0].length;
  }
  if (at < text.length) spans.push({ text: text.slice(at), style });
}

const codePoint = (character: string): string =>
  `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

function visible(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return `^${String.fromCharCode(0x40 + code)}`;
  return code === 0x7f ? "^?" : `⟨${codePoint(character)}⟩`;
}

function styled(before: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map((text) => Number(text) || 0);
  let style = before;
  for (let n = 0; n < codes.length; n++) {
    const code = codes[n] as number;
    if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(n + 1));
      if (colour) style = { ...style, [code === 38 ? "fg" : "bg"]: colour };
      n += used;
    } else style = simple(style, code);
  }
  return style;
}

function simple(style: Style, code: number): Style {
  if (code === 0) return {};
  const set = SETS[code];
  if (set) return { ...style, ...set };
  const cleared = CLEARS[code];
  if (cleared) {
    const kept = { ...style };
    for (const name of cleared) delete kept[name];
    return kept;
  }
  if (code >= 30 && code <= 37) return { ...style, fg: basic(code - 30) };
  if (code >= 90 && code <= 97) return { ...style, fg: basic(code - 82) };
  if (code >= 40 && code <= 47) return { ...style, bg: basic(code - 40) };
  if (code >= 100 && code <= 107) return { ...style, bg: basic(code - 92) };
  return style;
}

const SETS: Record<number, Style> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  9: { strike: true },
};
const CLEARS: Record<number, (keyof Style)[]> = {
  22: ["bold", "dim"],
  23: ["italic"],
  24: ["underline"],
  27: ["inverse"],
  29: ["strike"],
  39: ["fg"],
  49: ["bg"],
};

/** The colour of what comes after 38 or 48, and how many codes it took. */
function extended(codes: readonly number[]): [Colour | undefined, number] {
  if (codes[0] === 5) return [indexed(codes[1] ?? 0), 2];
  if (codes[0] === 2) return [[octet(codes[1]), octet(codes[2]), octet(codes[3])], 4];
  return [undefined, codes.length];
}

const octet = (n = 0): number => Math.min(Math.max(n, 0), 255);

const BASIC: readonly Colour[] = [
  [0, 0, 0],
  [205, 49, 49],
  [13, 140, 70],
  [170, 120, 0],
  [36, 102, 214],
  [176, 60, 176],
  [17, 138, 158],
  [170, 170, 170],
  [110, 110, 110],
  [241, 76, 76],
  [35, 180, 100],
  [225, 170, 30],
  [70, 140, 245],
  [214, 112, 214],
  [41, 184, 219],
  [255, 255, 255],
];
const basic = (n: number): Colour => BASIC[n] ?? [0, 0, 0];
const STEPS = [0, 95, 135, 175, 215, 255];

function indexed(n: number): Colour {
  if (n < 16) return basic(n);
  if (n > 231) {
    const grey = octet(8 + (Math.min(n, 255) - 232) * 10);
    return [grey, grey, grey];
  }
  const at = n - 16;
  const step = (size: number): number => STEPS[Math.floor(at / size) % 6] ?? 0;
  return [step(36), step(6), step(1)];
}
