// Lines over time, with the figures under the cursor, and the same figures as a table.
import "./chart.css";
import { useEffect, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { shownTheme } from "../app/theme";
import type { Line } from "./canvas";
import { shortTime } from "./format";

export interface Series extends Line {
  name: string;
}

interface Props {
  title: string;
  /** Seconds since 1970, in order. */
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
  /** Said where no series has a value. */
  none?: string;
}

export function Chart(props: Props) {
  const { title, times, series, none = "Nothing was sampled in this time." } = props;
  const [point, setPoint] = useState<number | undefined>();
  const isEmpty = !series.some(({ values }) => values.some((value) => value !== null));
  return (
    <figure class="chart" aria-label={title}>
      <figcaption class="chart-head">
        <h2>{title}</h2>
        <Legend {...props} point={point} />
      </figcaption>
      {isEmpty ? (
        <div class="chart-plot">
          <p class="chart-none">{none}</p>
        </div>
      ) : (
        <Plot {...props} point={point} onPoint={setPoint} />
      )}
      {!isEmpty && times.length > 0 && <FiguresTable {...props} />}
    </figure>
  );
}

type AtPoint = Props & { point: number | undefined };

/** At the cursor; without one the last that was sampled. */
function Legend({ times, series, format, point }: AtPoint) {
  const at = point ?? lastOf(series);
  const seconds = at === undefined ? undefined : times[at];
  return (
    <>
      <span class="chart-at">{seconds !== undefined && shortTime(seconds * 1000)}</span>
      <dl class="chart-legend">
        {series.map(({ name, colour, dash, values }) => (
          <div key={name}>
            <dt>
              <svg width="18" height="4" aria-hidden="true">
                <line
                  x2="18"
                  y1="2"
                  y2="2"
                  stroke={`var(${colour})`}
                  stroke-width="2"
                  stroke-dasharray={dash?.join(" ")}
                />
              </svg>
              {name}
            </dt>
            <dd>{shown(at === undefined ? undefined : values[at], format)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Plot(props: AtPoint & { onPoint: (point: number | undefined) => void }) {
  const { title, times, series, format, point, onPoint } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const canvas = useRef<typeof import("./canvas") | undefined>(undefined);
  const drawing = useRef({ times, lines: series, format });
  drawing.current = { times, lines: series, format };
  const theme = shownTheme.value;
  // Anew with each set of lines and each theme; new figures of the same lines go into what is there.
  const shape = `${theme} ${series.map(({ name }) => name).join()}`;
  useEffect(() => {
    let isGone = false;
    const sizes = new ResizeObserver(() => {
      const { clientWidth: width = 0, clientHeight: height = 0 } = box.current ?? {};
      if (width) plot.current?.setSize({ width, height });
    });
    void import("./canvas").then((loaded) => {
      if (isGone || !box.current) return;
      canvas.current = loaded;
      plot.current = loaded.draw(box.current, drawing.current, onPoint);
      sizes.observe(box.current);
    });
    return () => {
      isGone = true;
      sizes.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape]);
  useEffect(() => {
    plot.current?.setData([[...times], ...series.map(({ values }) => [...values])]);
  }, [times, series]);
  const last = times.length - 1;
  const now = Math.min(point ?? lastOf(series) ?? last, last);
  const move = (event: KeyboardEvent) => {
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key];
    if (to === undefined || !plot.current) return;
    event.preventDefault();
    canvas.current?.pointAt(plot.current, Math.min(Math.max(to, 0), last));
  };
  return (
    // A slider: its arrows move the cursor, and its text has the figures there.
    <div
      class="chart-plot"
      ref={box}
      role="slider"
      tabIndex={0}
      aria-label={`${title}: point in time`}
      aria-valuemin={0}
      aria-valuemax={last}
      aria-valuenow={now}
      aria-valuetext={inWords(props, now)}
      onKeyDown={move}
    />
  );
}

function FiguresTable({ title, times, series, format }: Props) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Figures as a table</summary>
      {isOpen && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be in the keyboard's reach
        <section class="chart-table" tabIndex={0} aria-label={`${title}: figures`}>
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {series.map(({ name }) => (
                  <th key={name} scope="col" class="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times.map((seconds, n) => (
                <tr key={seconds}>
                  <td>{shortTime(seconds * 1000)}</td>
                  {series.map(({ name, values }) => (
                    <td key={name} class="number">
                      {shown(values[n], format)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  );
}

function inWords({ times, series, format }: Props, point: number): string {
  const seconds = times[point];
  if (seconds === undefined) return "";
  const figures = series.map(({ name, values }) => `${name} ${shown(values[point], format)}`);
  return `${shortTime(seconds * 1000)}: ${figures.join(", ")}`;
}

const shown = (value: number | null | undefined, format: (value: number) => string): string =>
  value === null || value === undefined ? "–" : format(value);

function lastOf(series: readonly Series[]): number | undefined {
  const lasts = series.map(({ values }) => values.findLastIndex((value) => value !== null));
  const last = Math.max(-1, ...lasts);
  return last < 0 ? undefined : last;
}
