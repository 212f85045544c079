// How far back charts look: part of the address.
import { useLocation } from "preact-iso";

const RANGES = ["1h", "6h", "24h", "14d"] as const;
export type Range = (typeof RANGES)[number];

const NAMES: Record<Range, string> = {
  "1h": "1 hour",
  "6h": "6 hours",
  "24h": "24 hours",
  "14d": "14 days",
};

/** Figures change with each sample; those of long steps hardly do. */
export const REFRESH_MS = 15_000;

export function useRange(): Range {
  const { query } = useLocation();
  return RANGES.find((range) => range === query.range) ?? "1h";
}

export function RangePicker() {
  const { path } = useLocation();
  const chosen = useRange();
  return (
    <nav class="row" aria-label="Time range">
      {RANGES.map((range) => (
        <a
          key={range}
          class="chip"
          href={`${path}?range=${range}`}
          aria-current={range === chosen ? "true" : undefined}
        >
          {NAMES[range]}
        </a>
      ))}
    </nav>
  );
}

/** `hour`, `6 hours`: after "the last". */
export const lastSpan = (range: Range): string => NAMES[range].replace(/^1 /, "");
