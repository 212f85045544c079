// The lines that differ between two texts.

export interface Line {
  key: string;
  sign: "+" | "-" | " ";
  text: string;
}

/** All lines of both, by the longest common sequence; of very long texts only what is new. */
export function changedLines(before: string, after: string): Line[] {
  const old = before ? before.split("\n") : [];
  const now = after ? after.split("\n") : [];
  const start = commonStart(old, now);
  const end = commonEnd(old.slice(start), now.slice(start));
  const middle = between(old.slice(start, old.length - end), now.slice(start, now.length - end));
  const same = (texts: string[]) => texts.map((text) => ({ sign: " " as const, text }));
  const lines = [...same(now.slice(0, start)), ...middle, ...same(now.slice(now.length - end))];
  return lines.map((line, index) => ({ key: String(index), ...line }));
}

const MOST_CELLS = 4_000_000;

function between(old: string[], now: string[]): Omit<Line, "key">[] {
  const removed = old.map((text) => ({ sign: "-" as const, text }));
  const added = now.map((text) => ({ sign: "+" as const, text }));
  if (old.length * now.length > MOST_CELLS) return [...removed, ...added];
  const lengths = commonLengths(old, now);
  const lines: Omit<Line, "key">[] = [];
  let [a, b] = [0, 0];
  while (a < old.length || b < now.length) {
    const isSame = a < old.length && b < now.length && old[a] === now[b];
    if (isSame) lines.push({ sign: " ", text: now[b++] ?? "" }) && a++;
    else if (a < old.length && (b >= now.length || at(lengths, a + 1, b) >= at(lengths, a, b + 1)))
      lines.push({ sign: "-", text: old[a++] ?? "" });
    else lines.push({ sign: "+", text: now[b++] ?? "" });
  }
  return lines;
}

const at = (table: readonly Uint32Array[], a: number, b: number) => table[a]?.[b] ?? 0;

/** How many lines from (a, b) on are common. */
function commonLengths(old: string[], now: string[]): Uint32Array[] {
  const table = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  for (let a = old.length - 1; a >= 0; a -= 1)
    for (let b = now.length - 1; b >= 0; b -= 1) {
      const row = table[a] as Uint32Array;
      row[b] =
        old[a] === now[b]
          ? at(table, a + 1, b + 1) + 1
          : Math.max(at(table, a + 1, b), at(table, a, b + 1));
    }
  return table;
}

function commonStart(old: string[], now: string[]): number {
  let n = 0;
  while (n < old.length && n < now.length && old[n] === now[n]) n += 1;
  return n;
}

const commonEnd = (old: string[], now: string[]) =>
  commonStart([...old].reverse(), [...now].reverse());
