// The time of one row: bars of attempts, a bracket over children, or how many of them ran.
import type { JSX } from "preact";
import { shownState } from "../ui/state";
import { type Crowd, densityOf } from "./density";
import { type Bar, isComposite, spanOf, type TaskNode } from "./model";
import type { Row } from "./rows";
import { px, type Range } from "./scale";
import { type Part, segmentsOf } from "./segments";

export const ROW_PX = 28;
const MIDDLE = ROW_PX / 2;
const PART_PX = 3;

interface Props {
  row: Row;
  range: Range;
  width: number;
  now: number;
  crowd: (node: TaskNode) => Crowd;
}

export function Track({ row, range, width, now, crowd }: Props) {
  const { node, bar } = row;
  return (
    <svg class="timeline-track" width={width} height={ROW_PX} aria-hidden="true">
      {bar ? (
        <BarShape bar={bar} range={range} width={width} now={now} />
      ) : !isComposite(node) ? (
        node.bars.map((each) => (
          <BarShape key={each.attempt.id} bar={each} range={range} width={width} now={now} />
        ))
      ) : row.isOpen || node.children.length === 0 ? (
        <Bracket node={node} range={range} width={width} now={now} />
      ) : (
        <DensityShape node={node} crowd={crowd(node)} range={range} width={width} now={now} />
      )}
    </svg>
  );
}

interface ShapeProps {
  range: Range;
  width: number;
  now: number;
}

/** Heights of the parts; what is full height is work, what is low is waiting. */
const HEIGHTS: Record<Part, number> = {
  ...{ turn: 2, node: 2, retry: 2, queue: 8, other: 14 },
  ...{ pull: 14, fetch: 14, pre: 14, run: 14, post: 14, keep: 14 },
};
const PATTERNS: Partial<Record<Part, string>> = {
  pull: "timeline-stripes",
  fetch: "timeline-bars",
  keep: "timeline-bars",
};

function BarShape({ bar, range, width, now }: ShapeProps & { bar: Bar }) {
  const look = shownState(bar.attempt.state).look;
  const shapes: JSX.Element[] = [];
  for (const { part, from, to } of segmentsOf(bar, now)) {
    const box = boxOf(from, to, range, width);
    if (!box) continue;
    const height = HEIGHTS[part];
    const place = { ...box, y: MIDDLE - height / 2, height };
    shapes.push(<rect key={`${part} ${from}`} class={`timeline-${part}`} {...place} />);
    const pattern = PATTERNS[part];
    if (pattern)
      shapes.push(<rect key={`${pattern} ${from}`} {...place} fill={`url(#${pattern})`} />);
  }
  const end = px(bar.ended ?? now, range, width);
  return (
    <g class={`state-${look}`}>
      {shapes}
      {end > -8 && end < width && <EndMark state={bar.attempt.state} x={end + 3} />}
    </g>
  );
}

/** What did not end well has a shape at its end, beside the colour. */
function EndMark({ state, x }: { state: string; x: number }) {
  const y = MIDDLE;
  if (state === "FAILED") return <path class="timeline-mark" d={`M${x} ${y - 3}l6 6m0-6l-6 6`} />;
  if (state === "CANCELLED" || state === "STOPPED")
    return <path class="timeline-mark" d={`M${x} ${y + 4}l6-8`} />;
  return null;
}

/** Clipped to what is in sight: a rectangle of a million px is drawn wrong. */
function boxOf(from: number, to: number, range: Range, width: number) {
  if (to < range.from || from > range.to) return undefined;
  const x = Math.max(px(from, range, width), -4);
  const end = Math.min(px(to, range, width), width + 4);
  return { x, width: Math.max(end - x, 1.5) };
}

function Bracket({ node, range, width, now }: ShapeProps & { node: TaskNode }) {
  const span = spanOf(node.bars, now);
  const box = span && boxOf(span[0], span[1], range, width);
  if (!box) return null;
  const { x } = box;
  const end = x + Math.max(box.width, 4);
  return (
    <g class={`state-${shownState(node.state ?? "").look}`}>
      <path class="timeline-bracket" d={`M${x} 20V11H${end}V20`} />
    </g>
  );
}

/** A column for every three px: how many ran, and below it where some failed. */
function DensityShape({
  node,
  crowd,
  range,
  width,
  now,
}: ShapeProps & { node: TaskNode; crowd: Crowd }) {
  const parts = Math.max(Math.floor(width / PART_PX), 1);
  const { running, failed, most } = densityOf(crowd, range, parts, now);
  let area = `M0 ${ROW_PX - 5}`;
  let marks = "";
  for (let part = 0; part < parts; part++) {
    const height = most && ((running[part] as number) / most) * (ROW_PX - 9);
    area += `V${(ROW_PX - 5 - (height && Math.max(height, 1.5))).toFixed(1)}h${PART_PX}`;
    if (failed[part]) marks += `M${part * PART_PX} ${ROW_PX - 3}h${PART_PX}`;
  }
  return (
    <>
      <g class={`state-${shownState(node.state ?? "").look}`}>
        <path class="timeline-density" d={`${area}V${ROW_PX - 5}Z`} />
      </g>
      <g class="state-failed">
        <path class="timeline-failures" d={marks} />
      </g>
    </>
  );
}

/** The patterns that tell phases apart, once for all rows. */
export function Patterns() {
  return (
    <svg class="timeline-patterns" width="0" height="0" aria-hidden="true">
      <defs>
        <pattern id="timeline-stripes" width="6" height="6" patternUnits="userSpaceOnUse">
          <path d="M-1 7 7-1M-1 1 1-1M5 7 7 5" />
        </pattern>
        <pattern id="timeline-bars" width="4" height="4" patternUnits="userSpaceOnUse">
          <path d="M1 0V4" />
        </pattern>
      </defs>
    </svg>
  );
}
