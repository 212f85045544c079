// How waiting and the phases are drawn, in words.
import { type Part, WORDS } from "./segments";

const SHOWN: readonly [Part, string][] = [
  ["turn", "Waiting for a turn, a node or a retry"],
  ["queue", WORDS.queue],
  ["pull", WORDS.pull],
  ["keep", "Files in and out"],
  ["run", WORDS.run],
  ["pre", "Pre and post tasks"],
  ["other", WORDS.other],
];

export function Legend() {
  return (
    <ul class="timeline-legend" aria-label="Legend">
      {SHOWN.map(([part, word]) => (
        <li key={part}>
          <Swatch part={part} /> {word}
        </li>
      ))}
    </ul>
  );
}

const PATTERNS: Partial<Record<Part, string>> = {
  pull: "timeline-stripes",
  fetch: "timeline-bars",
  keep: "timeline-bars",
};

export function Swatch({ part }: { part: Part }) {
  const isLine = part === "turn" || part === "node" || part === "retry";
  const place = { x: 1, width: 20, y: isLine ? 5 : 1, height: isLine ? 2 : 10 };
  return (
    <svg class="timeline-swatch" width="22" height="12" aria-hidden="true">
      <rect class={`timeline-${part}`} {...place} />
      {PATTERNS[part] && <rect {...place} fill={`url(#${PATTERNS[part]})`} />}
    </svg>
  );
}
