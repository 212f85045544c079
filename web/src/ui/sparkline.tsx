// A line as small as a word.
import { linePath, type Values } from "./plot";

const WIDTH = 96;
const HEIGHT = 20;

/** `label` says what it shows, with its last figure. Nothing where nothing was sampled. */
export function Sparkline({ values, label }: { values: Values; label: string }) {
  if (!values.some((value) => value !== null)) return null;
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  return (
    <svg
      class="sparkline"
      role="img"
      aria-label={label}
      viewBox={`-2 -2 ${WIDTH + 4} ${HEIGHT + 4}`}
      width={WIDTH + 4}
      height={HEIGHT + 4}
    >
      <path d={linePath(values, WIDTH, HEIGHT, most)} />
    </svg>
  );
}
