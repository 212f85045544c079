// The log of a job or of one of its tasks: any line of it at once, followed, searched.
import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { bytes, count, counted, duration } from "../ui/format";
import { useLoad } from "../ui/load";
import { useSameNodes } from "../ui/virtual";
import { LineRow, type Times } from "./line-row";
import { type LogLines, reader, type Source } from "./lines";
import { LogEmpty } from "./log-empty";
import { ROW_PX, Rows } from "./rows";
import { SearchBar } from "./search-bar";
import { type Position, usePosition } from "./use-follow";
import { useLog } from "./use-log";
import { useSearch } from "./use-search";
import { nameOfRow, type Tasks, useTasks } from "./use-tasks";
import "./log.css";

export { endOf } from "./lines";
export { LogTail } from "./log-tail";

const isWrapped = signal(false);
const times = signal<Times>("off");

interface Props {
  jobId: string;
  taskId?: string | undefined;
}

export function Log({ jobId, taskId }: Props) {
  const { query } = useLocation();
  const shown = taskId ?? query.task;
  return (
    <LogOf
      key={`${jobId} ${shown}`}
      source={{ jobId, taskId: shown }}
      canChoose={taskId === undefined}
    />
  );
}

function LogOf({ source, canChoose }: { source: Source; canChoose: boolean }) {
  const { path, query, route } = useLocation();
  const tasks = useTasks(source.jobId);
  const box = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const linked = Number(query.line) || undefined;
  const log: LogLines = useLog(source, (numbers) =>
    found.add(numbers, (number) => log.line(number)?.text),
  );
  const position = usePosition(box, log.total, isWrapped.value, !linked);
  const { first, last } = position.geometry;
  const topLine = () => Math.max(first, 1);
  const found = useSearch(source, topLine, position.show);
  // Not after the browser has painted: for that Preact asks for a frame of its own with each scroll.
  useLayoutEffect(() => {
    if (!log.isLoaded) return;
    // The first time it is drawn as if from its beginning, and then goes to its end.
    if (position.isFollowing) log.want(log.total - 100, log.total);
    else log.want(first - 100, last + 100);
  });
  useEffect(() => {
    if (linked && log.isLoaded) position.show(linked);
  }, [linked, log.isLoaded]);
  const start = useLoad(`start ${source.jobId} ${source.taskId} ${times.value}`, async (abort) =>
    times.value === "relative" ? (await reader(source)(1, 1, abort)).items[0] : undefined,
  );
  const { line: _, ...rest } = query;
  const hrefOfLine = `${path}?${new URLSearchParams({ ...rest, line: "" })}`;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement)
      return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      "/": () => input.current?.focus(),
      g: () => position.show(1),
      G: () => position.toEnd(),
      f: () => (position.isFollowing ? position.letGo() : position.toEnd()),
      n: () => found.step(1),
      N: () => found.step(-1),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  const hasLabels = !source.taskId && tasks.rows.length !== 1;
  const top = Math.max(Math.floor(position.view.top / ROW_PX) + 1, first);
  const current = found.numbers[found.at];
  const drawn = useSameNodes<number>();
  const startMs = start.data && Date.parse(start.data.createdAt);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the whole log; each has a control
    <div class="log" onKeyDown={onKeyDown}>
      <div class="log-bar">
        {canChoose && tasks.rows.length > 1 && (
          <TaskChoice
            tasks={tasks}
            taskId={source.taskId}
            onChoose={(task) => {
              const { line: _line, task: _task, ...rest } = query;
              route(`${path}?${new URLSearchParams({ ...rest, ...(task ? { task } : {}) })}`);
            }}
          />
        )}
        <SearchBar found={found} input={input} />
        <Options source={source} />
      </div>
      {log.error !== undefined && <Unread log={log} />}
      {log.isTrimmed && log.total > 0 && (
        <p class="small muted">The beginning of this log was deleted for its age.</p>
      )}
      {log.isLoaded && !log.total && <LogEmpty source={source} isTrimmed={log.isTrimmed} />}
      <div class="log-frame" hidden={!log.total}>
        <div
          ref={box}
          class="log-box"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keys
          tabIndex={0}
          role="log"
          aria-label="Log"
          aria-live={position.isFollowing ? "polite" : "off"}
          onScroll={position.onScroll}
        >
          <Rows geometry={position.geometry} isWrapped={isWrapped.value}>
            {(number) => {
              const line = log.line(number);
              const before = number === top ? undefined : log.line(number - 1)?.taskId;
              const hasLabel = line && hasLabels && line.taskId !== before;
              const facts = {
                ...{ line, hasLabels, startMs, times: times.value },
                label: hasLabel ? tasks.nameOf(line.taskId) : undefined,
                found: found.patternIn(number, line?.text),
                isCurrent: number === current,
                isLinked: number === linked,
              };
              // The text of a line that goes on changes in its place.
              return drawn(number, [...Object.values(facts), line?.text, hrefOfLine], () => (
                <LineRow key={number} number={number} href={`${hrefOfLine}${number}`} {...facts} />
              ));
            }}
          </Rows>
        </div>
        {!position.isFollowing && (
          <Button small class="log-end" onClick={position.toEnd}>
            ↓ {position.unseen ? `${counted(position.unseen, "new line")}` : "Jump to end"}
          </Button>
        )}
      </div>
      {log.total > 0 && <LogFoot log={log} position={position} />}
    </div>
  );
}

/** Why lines are not there, and when they are asked for again. */
function Unread({ log }: { log: LogLines }) {
  return (
    <>
      <ErrorNote error={log.error} retry={() => log.retry()} />
      <p class="small muted">
        The log can't be read. The page tries again every {duration(log.pauseMs)}.
      </p>
    </>
  );
}

interface FootProps {
  log: LogLines;
  position: Position;
}

function LogFoot({ log, position }: FootProps) {
  return (
    <div class="log-foot small muted">
      <span>
        {counted(log.total, "line")}, {bytes(log.bytes)}.{" "}
        {log.isComplete ? "The log is complete." : "The log is still arriving."}
      </span>
      {!log.isComplete && (
        <Button
          small
          kind="quiet"
          aria-pressed={position.isFollowing}
          aria-keyshortcuts="f"
          onClick={position.isFollowing ? position.letGo : position.toEnd}
        >
          Follow
        </Button>
      )}
      <span class="log-keys">
        <kbd>/</kbd> search, <kbd>n</kbd> next, <kbd>g</kbd> <kbd>G</kbd> ends, <kbd>f</kbd> follow
      </span>
    </div>
  );
}

interface ChoiceProps {
  tasks: Tasks;
  taskId: string | undefined;
  onChoose: (id: string) => void;
}

function TaskChoice({ tasks, taskId, onChoose }: ChoiceProps) {
  const isListed = !taskId || tasks.rows.some((row) => row.id === taskId);
  return (
    <select
      class="log-choice"
      aria-label="Task"
      value={taskId ?? ""}
      onChange={(event) => onChoose(event.currentTarget.value)}
    >
      <option value="">All tasks</option>
      {!isListed && <option value={taskId}>{tasks.nameOf(taskId as string)}</option>}
      {tasks.rows.map((row) => (
        <option key={row.id} value={row.id}>
          {nameOfRow(row)} – {(row.state ?? "").toLowerCase()}
        </option>
      ))}
      {tasks.total > tasks.rows.length && (
        <option disabled>
          {count(tasks.total - tasks.rows.length)} more: open them from the list of tasks
        </option>
      )}
    </select>
  );
}

function Options({ source: { jobId, taskId } }: { source: Source }) {
  const kind = taskId ? "tasks" : "jobs";
  const marks = `${times.value === "off" ? "" : "&timestamps=true"}${taskId ? "" : "&names=true"}`;
  return (
    <div class="log-options">
      <select
        aria-label="Time stamps"
        value={times.value}
        onChange={(event) => {
          times.value = event.currentTarget.value as Times;
        }}
      >
        <option value="off">No times</option>
        <option value="time">Times</option>
        <option value="relative">Since start</option>
      </select>
      <Button
        small
        kind="quiet"
        aria-pressed={isWrapped.value}
        onClick={() => {
          isWrapped.value = !isWrapped.value;
        }}
      >
        Wrap
      </Button>
      <a
        class="button button-quiet button-small"
        href={`/${kind}/${taskId ?? jobId}/log?format=text${marks}`}
        download
      >
        Download
      </a>
    </div>
  );
}
