// The canvas of a chart. uPlot: 20 kB gzipped, no dependencies, draws thousands of points at once,
// takes no inline styles; it is loaded with the first chart.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { isolated, timeLabels, type Values } from "./plot";

export interface Line {
  /** A colour of tokens.css, such as `--running`. */
  colour: string;
  dash?: number[] | undefined;
  values: Values;
}

export interface Drawing {
  /** Seconds since 1970. */
  times: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
}

const FONT = "12px system-ui, sans-serif";

/** `onCursor` gets the number of the point under the cursor. */
export function draw(
  box: HTMLElement,
  { times, lines, format }: Drawing,
  onCursor: (point: number | undefined) => void,
): uPlot {
  const colour = (name: string) => getComputedStyle(box).getPropertyValue(name).trim();
  const axis = {
    font: FONT,
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return new uPlot(
    {
      width: box.clientWidth,
      height: box.clientHeight,
      legend: { show: false },
      padding: [8, 28, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [
        { ...axis, space: 72, size: 28, values: (_, splits) => timeLabels(splits) },
        {
          ...axis,
          space: 36,
          size: (_, labels) => 16 + 7 * Math.max(3, ...(labels ?? []).map((text) => text.length)),
          values: (_, splits) => splits.map(format),
        },
      ],
      series: [
        {},
        ...lines.map((line) => ({
          stroke: colour(line.colour),
          width: 1.5,
          ...(line.dash && { dash: line.dash }),
          points: {
            size: 4,
            fill: colour(line.colour),
            filter: (plot: uPlot, series: number) => isolated(plot.data[series] as Values),
          },
        })),
      ],
      hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? undefined)] },
    },
    [[...times], ...lines.map((line) => [...line.values])],
    box,
  );
}

/** Puts the cursor on a point. */
export function pointAt(plot: uPlot, point: number): void {
  const at = plot.data[0][point];
  if (at !== undefined) plot.setCursor({ left: plot.valToPos(at, "x"), top: 0 });
}
