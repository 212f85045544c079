// The time axis above the rows, the lines of its ticks, and the line of now.
import { px, type Range, ticks } from "./scale";

interface Props {
  range: Range;
  width: number;
  /** None when nothing runs any more. */
  now: number | undefined;
}

export function Axis({ range, width, now }: Props) {
  return (
    <svg class="timeline-axis" width={width} height="28" aria-hidden="true">
      {ticks(range, width).map(({ at, label }) => {
        const x = px(at, range, width);
        return (
          <g key={at}>
            <path d={`M${x.toFixed(1)} 22v6`} />
            <text x={x} y="16" text-anchor={anchor(x, width)}>
              {label}
            </text>
          </g>
        );
      })}
      <NowMark range={range} width={width} now={now} />
    </svg>
  );
}

const anchor = (x: number, width: number) => (x < 30 ? "start" : x > width - 30 ? "end" : "middle");

function NowMark({ range, width, now }: Props) {
  const x = now === undefined ? -1 : px(now, range, width);
  return x < 0 || x > width ? null : <path class="timeline-now" d={`M${x - 4} 22h8l-4 6z`} />;
}

const AS_FAR_AS_IT_GOES = 4000;

/** Behind the rows, whichever are in sight. */
export function Grid({ range, width, now }: Props) {
  const x = now === undefined ? -1 : px(now, range, width);
  return (
    <svg class="timeline-grid" width={width} aria-hidden="true">
      {ticks(range, width).map(({ at }) => (
        <path key={at} d={`M${px(at, range, width).toFixed(1)} 0V${AS_FAR_AS_IT_GOES}`} />
      ))}
      {x >= 0 && x <= width && (
        <path class="timeline-now-line" d={`M${x.toFixed(1)} 0V${AS_FAR_AS_IT_GOES}`} />
      )}
    </svg>
  );
}
