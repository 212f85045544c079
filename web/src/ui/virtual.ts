// Virtual rows: of many rows only those in sight are in the document.
// @tanstack/virtual-core: small, no dependencies, knows the odd cases of scrolling; its adapter for
// React would need preact/compat.
import {
  defaultRangeExtractor,
  elementScroll,
  measureElement,
  observeElementOffset,
  observeElementRect,
  observeWindowOffset,
  observeWindowRect,
  type VirtualItem,
  Virtualizer,
  type VirtualizerOptions,
  windowScroll,
} from "@tanstack/virtual-core";
import type { RefObject, VNode } from "preact";
import { useCallback, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { useIdle } from "./idle";

/** So many rows are there before they come in sight, but for the first paint. */
const OVERSCAN = 8;

interface Rows {
  items: (VirtualItem & {
    /** Of what is left out before it, in px. */
    gap: number;
  })[];
  /** Of all rows together, in px. */
  height: number;
  /** Of what is left out after the last of `items`, in px. */
  rest: number;
  scrollTo: (index: number) => void;
  /** For the `ref` of rows whose `heightOf` is a guess; they have a `data-index`. */
  measure: (row: HTMLElement | null) => void;
}

/** Rows in a box that scrolls; `heightOf` in px. */
export function useVirtualRows(
  count: number,
  box: RefObject<HTMLElement | null>,
  heightOf: (index: number) => number,
): Rows {
  return useRows<HTMLElement>({
    count,
    getScrollElement: () => box.current,
    estimateSize: heightOf,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
  });
}

/** Rows of the page itself; `top` is where they begin in it, in px; `kept` stays in the document. */
export function useWindowRows(
  count: number,
  top: number,
  heightOf: (index: number) => number,
  kept?: number,
): Rows {
  return useRows<Window>({
    count,
    getScrollElement: () => window,
    estimateSize: heightOf,
    scrollMargin: top,
    initialRect: { width: window.innerWidth, height: window.innerHeight },
    rangeExtractor: (range) => {
      const seen = defaultRangeExtractor(range);
      if (kept === undefined || kept >= count || seen.includes(kept)) return seen;
      return [...seen, kept].sort((a, b) => a - b);
    },
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
  });
}

function useRows<S extends Element | Window>(given: VirtualizerOptions<S, HTMLElement>): Rows {
  const [, render] = useReducer<number, void>((n) => n + 1, 0);
  const overscan = useIdle() ? OVERSCAN : 0;
  const options = { ...given, overscan, measureElement: laidOut, onChange: () => render() };
  const [rows] = useState(() => new Virtualizer<S, HTMLElement>(options));
  rows.setOptions(options);
  useLayoutEffect(() => rows._didMount(), [rows]);
  useLayoutEffect(() => rows._willUpdate());
  const items = rows.getVirtualItems();
  const top = given.scrollMargin ?? 0;
  return {
    items: items.map((item, place) => ({
      ...item,
      gap: item.start - (items[place - 1]?.end ?? top),
    })),
    height: rows.getTotalSize(),
    rest: top + rows.getTotalSize() - (items.at(-1)?.end ?? top),
    scrollTo: (index) => rows.scrollToIndex(index),
    measure: rows.measureElement,
  };
}

/** The height of a row that the browser has laid out, and the guess until then: who asks sooner has
 * it lay out the page twice. */
const laidOut: typeof measureElement = (row, entry, rows) => {
  if (entry) return measureElement(row, entry, rows);
  const index = rows.indexFromElement(row);
  return rows.measurementsCache[index]?.size ?? rows.options.estimateSize(index);
};

type Draw<K> = (key: K, of: readonly unknown[], draw: () => VNode) => VNode;

/** Draws rows. What is drawn `of` the same as the time before is the same node, which Preact does not
 * look into: scrolling costs only what comes in sight. */
export function useSameNodes<K>(): Draw<K> {
  const kept = useRef(new Map<K, { of: readonly unknown[]; node: VNode }>());
  const before = useRef(kept.current);
  before.current = kept.current;
  kept.current = new Map();
  // The handlers of a node see all of the render that drew it, this function included: did it see
  // what was kept then, each render would hold the one before, for ever.
  return useCallback((key, of, draw) => {
    const old = before.current.get(key);
    const node = old?.of.every((one, place) => one === of[place]) ? old.node : draw();
    kept.current.set(key, { of, node });
    return node;
  }, []);
}

/** Where the box begins in the page, in px; a guess until the browser has laid it out. */
export function useTop(box: RefObject<HTMLElement | null>, guess: number): number {
  const [top, setTop] = useState(guess);
  useLayoutEffect(() => {
    const look = () =>
      setTop(Math.round((box.current?.getBoundingClientRect().top ?? 0) + window.scrollY));
    const observer = new ResizeObserver(look); // what is above may grow
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  return top;
}
