// One line of a log, and the text in it.
import { useState } from "preact/hooks";
import { timeFormat } from "../ui/format";
import { showExactTime } from "../ui/time";
import { spansOf } from "./ansi";
import { cssOf } from "./colours";
import type { Line } from "./lines";
import { marked } from "./search";

/** Characters that are drawn of a line unless one asks for more. */
const DRAWN = 4000;

export type Times = "off" | "time" | "relative";

const clock = timeFormat({
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hour12: false,
});

interface Props {
  number: number;
  /** Undefined while it is on its way. */
  line: Line | undefined;
  times: Times;
  startMs: number | undefined;
  /** Of its task, where it is not that of the line before. */
  label: string | undefined;
  hasLabels: boolean;
  found: RegExp | undefined;
  isCurrent: boolean;
  isLinked: boolean;
  href: string;
}

export function LineRow(props: Props) {
  const { number, line, times, startMs, label, hasLabels, found, isCurrent, isLinked } = props;
  const classes = [
    "log-line",
    line?.stderr && "log-stderr",
    isCurrent && "log-current",
    isLinked && "log-linked",
  ];
  return (
    <div class={classes.filter(Boolean).join(" ")} data-line={number}>
      <a class="log-number" href={props.href} aria-label={`Line ${number}`} tabIndex={-1}>
        {number}
      </a>
      {times !== "off" && <TimeOf line={line} times={times} startMs={startMs} />}
      {hasLabels && <span class="log-task cut">{label}</span>}
      <span class="log-stream">
        {line?.stderr && (
          <abbr title="standard error" aria-label="stderr:">
            E
          </abbr>
        )}
      </span>
      <span class="log-text" dir="ltr">
        {line ? <LineText line={line} found={found} /> : " "}
      </span>
    </div>
  );
}

function TimeOf({ line, times, startMs = 0 }: Pick<Props, "line" | "times" | "startMs">) {
  const ms = line ? Date.parse(line.createdAt) : 0;
  const text = times === "time" ? clock(ms) : `+${((ms - startMs) / 1000).toFixed(1)} s`;
  return (
    <time class="log-time" dateTime={line?.createdAt} onPointerEnter={showExactTime}>
      {line && text}
    </time>
  );
}

export function LineText({ line, found }: { line: Line; found?: RegExp | undefined }) {
  const [isWhole, setWhole] = useState(false);
  const isLong = line.text.length > DRAWN && !line.text.includes("\r");
  const all = spansOf(isLong && !isWhole ? line.text.slice(0, DRAWN) : line.text);
  const spans = found ? marked(all, found) : all.map((span) => ({ ...span, isMatch: false }));
  return (
    <>
      {spans.map((span, n) => {
        const text = span.control ? (
          <span class="log-control" title={span.control}>
            {span.text}
          </span>
        ) : (
          span.text
        );
        const css = cssOf(span.style);
        if (span.isMatch) return <mark key={n}>{text}</mark>;
        if (!css) return text;
        return (
          <span key={n} style={css}>
            {text}
          </span>
        );
      })}
      {isLong && !isWhole && (
        <button type="button" class="log-more" onClick={() => setWhole(true)}>
          show {(line.text.length - DRAWN).toLocaleString("en")} more characters
        </button>
      )}
      {line.truncated && (isWhole || !isLong) && (
        <span class="log-cut">… the line goes on: download the log to see all of it</span>
      )}
    </>
  );
}
