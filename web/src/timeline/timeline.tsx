// When the tasks of a job waited and ran.
import "./timeline.css";
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { Button } from "../ui/button";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { useVirtualRows } from "../ui/virtual";
import { Axis, Grid } from "./axis";
import { type Timelines, useTimelines } from "./data";
import { type Crowd, crowdOf } from "./density";
import { Details } from "./details";
import { Legend } from "./legend";
import { lastBar, leafBars, spanOf, type TaskNode } from "./model";
import { RowLine } from "./row-line";
import { canOpen, type Order, type Row, rowsOf } from "./rows";
import { fitted, type Range } from "./scale";
import { Patterns, ROW_PX } from "./track";
import { usePointer, useView, type View, viewKey, zoomIn, zoomOut } from "./view";

/** `changes` as of `useTimelines`. */
export function Timeline({ jobId, changes }: { jobId: string; changes?: number }) {
  const timelines = useTimelines(jobId, changes);
  const version = timelines.version.value;
  const loaded = timelines.get();
  if (!loaded) return timelines.error ? <ErrorNote error={timelines.error} /> : null;
  if (loaded.tree.length === 0)
    return <EmptyState title="Nothing to show yet" text="The job has no tasks." />;
  return <Chart timelines={timelines} version={version} tree={loaded.tree} />;
}

interface ChartProps {
  timelines: Timelines;
  version: number;
  tree: readonly TaskNode[];
}

function Chart({ timelines, version, tree }: ChartProps) {
  const [folds, setFolds] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [order, setOrder] = useState<Order>("auto");
  const [current, setCurrent] = useState<{ focused?: string; pointed?: string }>({});
  const box = useRef<HTMLDivElement>(null);
  const size = useTrackSize(box);
  const bounds = useBounds(timelines, version, tree);
  const view = useView(bounds);
  const now = useNow(timelines, view.range, size.width);
  const rows = useMemo(
    () => rowsOf(tree, folds, order, timelines.subjob, timelines.now()),
    [tree, folds, order, version],
  );
  const crowd = useCrowds(version);
  const virtual = useVirtualRows(rows.length, box, () => ROW_PX);
  const { route } = useLocation();
  usePointer(box, size, view);
  const focused = rows.find((row) => row.key === current.focused) ?? rows[0];
  const shown = rows.find((row) => row.key === (current.pointed ?? current.focused));
  const fold = (row: Row, isOpen: boolean) => setFolds(new Map(folds).set(row.node.key, isOpen));
  const open = (row: Row) => {
    const href = hrefOf(row, timelines.jobId);
    if (href) route(href);
  };
  const focus = (index: number) => {
    const row = rows[index];
    if (!row) return;
    virtual.scrollTo(index);
    setCurrent({ focused: row.key });
    requestAnimationFrame(() => rowElement(box.current, index)?.focus());
  };
  const onKey = (event: KeyboardEvent) => {
    if (viewKey(event, view) || !focused) return;
    const act = rowKey(event, rows, focused, { focus, fold, open });
    if (act) event.preventDefault();
  };
  const live = timelines.isLive ? now : undefined;
  return (
    <div class="timeline">
      <Patterns />
      <Toolbar view={view} order={order} setOrder={setOrder} isLarge={tree.some(isLarge)} />
      {timelines.error !== undefined && <ErrorNote error={timelines.error} />}
      {timelines.get()?.data.isComplete === false && (
        <p class="muted">Only the first 20,000 attempts are shown.</p>
      )}
      <div class="timeline-chart">
        <div class="timeline-head">
          <span class="timeline-label muted small">Task</span>
          <Axis range={view.range} width={size.width} now={live} />
        </div>
        <Grid range={view.range} width={size.width} now={live} />
        <div
          ref={box}
          class="timeline-rows"
          role="treegrid"
          aria-label="Timeline"
          aria-rowcount={rows.length}
          onKeyDown={onKey}
          onPointerLeave={() => setCurrent(({ focused }) => ({ focused }))}
        >
          <div role="presentation" class="timeline-all" style={{ height: `${virtual.height}px` }}>
            {virtual.items.map(({ index, start }) => {
              const row = rows[index];
              return row ? (
                <RowLine
                  key={row.key}
                  {...{ row, index, start, crowd, view: view.range, width: size.width }}
                  now={isGoingOn(row) ? now : bounds.to}
                  isFocused={row === focused}
                  href={hrefOf(row, timelines.jobId)}
                  onFold={() => fold(row, !row.isOpen)}
                  onOpen={() => open(row)}
                  onFocus={() => setCurrent(({ pointed }) => ({ focused: row.key, pointed }))}
                  onPoint={() => setCurrent(({ focused }) => ({ focused, pointed: row.key }))}
                />
              ) : null;
            })}
          </div>
        </div>
      </div>
      <Details row={shown} crowd={crowd} now={now} hrefOf={(row) => hrefOf(row, timelines.jobId)} />
      <Legend />
    </div>
  );
}

/** Only what goes on is drawn anew each second. */
const isGoingOn = ({ node, bar }: Row): boolean =>
  bar ? bar.ended === undefined : node.bars.some((each) => each.ended === undefined);

const isLarge = (node: TaskNode): boolean =>
  node.children.length > 1 || node.children.some(isLarge);

interface ToolbarProps {
  view: View;
  order: Order;
  setOrder: (order: Order) => void;
  isLarge: boolean;
}

function Toolbar({ view, order, setOrder, isLarge }: ToolbarProps) {
  return (
    <div class="toolbar">
      <fieldset class="row" aria-label="Zoom">
        <Button small onClick={() => zoomOut(view)} aria-label="Zoom out">
          −
        </Button>
        <Button small onClick={() => zoomIn(view)} aria-label="Zoom in">
          +
        </Button>
        <Button small onClick={view.fit} aria-pressed={view.isFitted}>
          Fit
        </Button>
      </fieldset>
      {isLarge && (
        <label class="timeline-order">
          <span class="muted small">Children</span>
          <select value={order} onChange={(event) => setOrder(event.currentTarget.value as Order)}>
            <option value="auto">Automatic order</option>
            <option value="position">In order</option>
            <option value="failed">Failed first</option>
            <option value="slowest">Slowest first</option>
          </select>
        </label>
      )}
      <span class="muted small timeline-hint">
        <kbd>Ctrl</kbd> + wheel or <kbd>+</kbd> <kbd>−</kbd> zooms, a drag or <kbd>Shift</kbd> +{" "}
        <kbd>←</kbd> <kbd>→</kbd> moves, <kbd>0</kbd> fits
      </span>
    </div>
  );
}

/** The address of a row's task; of a sub-job's task it is on the sub-job's page. */
function hrefOf({ node, bar }: Row, jobId: string): string | undefined {
  const id = (bar ?? lastBar(node))?.attempt.id;
  if (!id) return undefined;
  if (node.jobId !== jobId) return `/ui/jobs/${node.jobId}?task=${id}`;
  const query = new URLSearchParams(location.search);
  query.set("task", id);
  return `${location.pathname}?${query}`;
}

interface RowActs {
  focus: (index: number) => void;
  fold: (row: Row, isOpen: boolean) => void;
  open: (row: Row) => void;
}

const PAGE = 15;

/** As trees do it everywhere; whether it was such a key. */
function rowKey(event: KeyboardEvent, rows: Row[], row: Row, acts: RowActs): boolean {
  const index = rows.indexOf(row);
  const last = rows.length - 1;
  const to: Record<string, number> = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    PageDown: Math.min(index + PAGE, last),
    PageUp: Math.max(index - PAGE, 0),
    Home: 0,
    End: last,
  };
  const next = to[event.key];
  if (next !== undefined) acts.focus(next);
  else if (event.key === "Enter") acts.open(row);
  else if (event.key === "ArrowRight") {
    if (!row.bar && canOpen(row.node) && !row.isOpen) acts.fold(row, true);
    else if (row.isOpen) acts.focus(index + 1);
  } else if (event.key === "ArrowLeft") {
    if (row.isOpen) acts.fold(row, false);
    else acts.focus(rows.findLastIndex((one, at) => at < index && one.level < row.level));
  } else return false;
  return true;
}

const rowElement = (box: HTMLElement | null, index: number) =>
  box?.querySelector<HTMLElement>(`[aria-rowindex="${index + 1}"]`);

/** The part of the rows that has a time. */
function useTrackSize(box: { current: HTMLElement | null }): { left: number; width: number } {
  const [size, setSize] = useState({ left: 240, width: 600 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => {
      const left = Number.parseFloat(
        getComputedStyle(element).getPropertyValue("--timeline-label"),
      );
      setSize({ left, width: Math.max(element.clientWidth - left, 50) });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return size;
}

/** From the first moment to the last; of what runs, some seconds ahead of now, so that it is not
 * drawn anew each second. */
function useBounds(timelines: Timelines, version: number, tree: readonly TaskNode[]): Range {
  const now = timelines.now();
  const bars = useMemo(() => tree.flatMap((node) => node.bars), [version]);
  const [from, to] = spanOf(bars, now) ?? [now - 1000, now];
  if (!timelines.isLive) return fitted(from, to);
  const step = Math.max((now - from) / 20, 1000);
  return fitted(from, from + Math.ceil((Math.max(now, to) - from) / step) * step);
}

const LEAST_TICK_MS = 50;

/** The time of the server; it moves by a pixel at a time while something runs. */
function useNow(timelines: Timelines, range: Range, width: number): number {
  const [, tick] = useReducer<number, void>((n) => n + 1, 0);
  const isLive = timelines.isLive;
  const every = Math.min(Math.max((range.to - range.from) / width, LEAST_TICK_MS), 1000);
  useEffect(() => {
    if (!isLive) return;
    const timer = setInterval(() => !document.hidden && tick(), every);
    return () => clearInterval(timer);
  }, [isLive, every]);
  return timelines.now();
}

/** What the children of a folded task come to, counted once for each version. */
function useCrowds(version: number): (node: TaskNode) => Crowd {
  return useMemo(() => {
    const crowds = new Map<string, Crowd>();
    return (node) => {
      let crowd = crowds.get(node.key);
      if (!crowd) {
        crowd = crowdOf(leafBars(node));
        crowds.set(node.key, crowd);
      }
      return crowd;
    };
  }, [version]);
}
