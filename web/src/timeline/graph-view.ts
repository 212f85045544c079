// What of a graph is in sight: its scale and place, and how wheel, drag and keys change them.
import { useEffect, useRef, useState } from "preact/hooks";

export interface Place {
  x: number;
  y: number;
  scale: number;
}

interface Size {
  width: number;
  height: number;
}

const SMALLEST = 0.2;
const READABLE = 0.7;
const LARGEST = 2;
const STEP = 1.3;

/** All of it, no larger than it is; where that could not be read, what is around `first`. */
function fittedPlace(graph: Size, box: Size, first: { x: number; y: number }): Place {
  const fits = Math.min(box.width / graph.width, box.height / graph.height);
  const scale = Math.min(Math.max(fits, READABLE), 1);
  const along = (length: number, room: number, middle: number) =>
    length * scale <= room
      ? (room - length * scale) / 2
      : Math.min(Math.max(room / 2 - middle * scale, room - length * scale), 0);
  return {
    scale,
    x: along(graph.width, box.width, first.x),
    y: along(graph.height, box.height, first.y),
  };
}

/** What is at `x`, `y` of the box stays there. */
function zoomedPlace(place: Place, factor: number, x: number, y: number): Place {
  const scale = Math.min(Math.max(place.scale * factor, SMALLEST), LARGEST);
  const by = scale / place.scale;
  return { scale, x: x - (x - place.x) * by, y: y - (y - place.y) * by };
}

/** So that a box of `size` at `x`, `y` of the graph is in sight. */
export function withInSight(
  place: Place,
  at: { x: number; y: number },
  size: Size,
  box: Size,
): Place {
  const inside = (start: number, length: number, from: number, room: number) => {
    const low = from + start * place.scale;
    if (low < 0) return from - low + 8;
    const over = low + length * place.scale - room;
    return over > 0 ? from - over - 8 : from;
  };
  return {
    scale: place.scale,
    x: inside(at.x, size.width, place.x, box.width),
    y: inside(at.y, size.height, place.y, box.height),
  };
}

export interface GraphView {
  place: Place;
  set: (place: Place) => void;
  zoom: (factor: number) => void;
  move: (x: number, y: number) => void;
  fit: () => void;
}

export function useGraphView(
  graph: Size | undefined,
  box: Size,
  first: { x: number; y: number },
): GraphView {
  const [chosen, set] = useState<Place | undefined>();
  const place = chosen ?? (graph ? fittedPlace(graph, box, first) : { x: 0, y: 0, scale: 1 });
  return {
    place,
    set,
    zoom: (factor) => set(zoomedPlace(place, factor, box.width / 2, box.height / 2)),
    move: (x, y) => set({ ...place, x: place.x + x, y: place.y + y }),
    fit: () => set(undefined),
  };
}

/** Keys of the graph as a whole; whether it was one. */
export function graphKey(event: KeyboardEvent, view: GraphView): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const acts: Record<string, () => void> = {
    "+": () => view.zoom(STEP),
    "=": () => view.zoom(STEP),
    "-": () => view.zoom(1 / STEP),
    "0": view.fit,
  };
  if (event.shiftKey)
    Object.assign(acts, {
      ArrowLeft: () => view.move(80, 0),
      ArrowRight: () => view.move(-80, 0),
      ArrowUp: () => view.move(0, 80),
      ArrowDown: () => view.move(0, -80),
    });
  const act = acts[event.key];
  act?.();
  return act !== undefined;
}

/** Ctrl + wheel zooms, a drag moves. */
export function useGraphPointer(box: { current: HTMLElement | null }, view: GraphView): void {
  const newest = useRef(view);
  newest.current = view;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const abort = new AbortController();
    const { signal } = abort;
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const { left, top } = element.getBoundingClientRect();
      const factor = Math.exp(-Math.min(Math.max(event.deltaY, -100), 100) * 0.004);
      const { place, set } = newest.current;
      set(zoomedPlace(place, factor, event.clientX - left, event.clientY - top));
    };
    let isDown = false;
    let isDrag = false;
    const onMove = (event: PointerEvent) => {
      if (!isDown || (!isDrag && Math.abs(event.movementX) + Math.abs(event.movementY) < 2)) return;
      if (!isDrag) element.setPointerCapture(event.pointerId);
      isDrag = true;
      newest.current.move(event.movementX, event.movementY);
    };
    const onClick = (event: MouseEvent) => {
      if (isDrag) {
        event.preventDefault(); // a drag is no click on what it ends on
        event.stopPropagation();
      }
      isDrag = false;
    };
    const onDown = (event: PointerEvent) => {
      isDown = event.button === 0;
      isDrag = false;
    };
    const onUp = () => {
      isDown = false;
    };
    element.addEventListener("wheel", onWheel, { passive: false, signal });
    element.addEventListener("pointerdown", onDown, { signal });
    element.addEventListener("pointermove", onMove, { signal });
    element.addEventListener("pointerup", onUp, { signal });
    element.addEventListener("pointercancel", onUp, { signal });
    element.addEventListener("click", onClick, { capture: true, signal });
    return () => abort.abort();
  }, [box.current]);
}
