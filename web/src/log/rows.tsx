// The lines in sight: of 500,000 only these are in the document.
import type { ComponentChildren } from "preact";

export const ROW_PX = 20;
/** Browsers know no longer boxes; of more lines a step of the scroll bar is more than one. */
const TALLEST_PX = 16_000_000;
const SPARE = 10;
/** So few need no windows: then they may be as tall as they like. */
const FEW = 400;

export interface View {
  top: number;
  height: number;
}

export interface Geometry {
  /** Of all lines, in px; 0: as tall as they are. */
  space: number;
  /** How far down a line is, in px. */
  topOf: (line: number) => number;
  first: number;
  last: number;
  /** The line that is at `anchorTop`; those before it end there, those from it on begin there. */
  anchor: number;
  anchorTop: number;
}

export function geometry(total: number, view: View, isWrapped: boolean): Geometry {
  if (isWrapped && total <= FEW)
    return { space: 0, topOf: () => 0, first: 1, last: total, anchor: 1, anchorTop: 0 };
  const space = Math.min(total * ROW_PX, TALLEST_PX);
  if (!isWrapped && space === total * ROW_PX) {
    const first = Math.max(Math.floor(view.top / ROW_PX) + 1 - SPARE, 1);
    const last = Math.min(Math.ceil((view.top + view.height) / ROW_PX) + SPARE, total);
    const topOf = (line: number) => (line - 1) * ROW_PX;
    return { space, topOf, first, last, anchor: first, anchorTop: topOf(first) };
  }
  // Lines of any height: as far down the box as down the log, so that both ends can be reached.
  const way = Math.max(space - view.height, 1);
  const share = Math.min(view.top / way, 1);
  const anchor = Math.min(Math.floor(share * total) + 1, total + 1);
  const inSight = Math.ceil(view.height / ROW_PX) + 1;
  return {
    space,
    topOf: (line) => ((line - 0.5) / total) * way,
    first: Math.max(anchor - inSight, 1),
    last: Math.min(anchor + inSight, total),
    anchor,
    anchorTop: view.top + share * view.height,
  };
}

interface Props {
  geometry: Geometry;
  isWrapped: boolean;
  children: (line: number) => ComponentChildren;
}

export function Rows({ geometry: { space, first, last, anchor, anchorTop }, ...props }: Props) {
  const lines = (from: number, to: number) =>
    Array.from({ length: Math.max(to - from + 1, 0) }, (_, n) => props.children(from + n));
  const classes = `log-rows${props.isWrapped ? " log-wrapped" : ""}`;
  if (!space) return <div class={`${classes} log-flow`}>{lines(first, last)}</div>;
  return (
    <div class="log-space" style={{ height: `${space}px` }}>
      {anchor > first && (
        <div class={classes} style={{ bottom: `${space - anchorTop}px` }}>
          {lines(first, anchor - 1)}
        </div>
      )}
      <div class={classes} style={{ top: `${anchorTop}px` }}>
        {lines(anchor, last)}
      </div>
    </div>
  );
}
