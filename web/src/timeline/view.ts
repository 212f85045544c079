// What of the time is in sight, and how wheel, drag and keys change it.
import { useEffect, useRef, useState } from "preact/hooks";
import { moved, type Range, zoomed } from "./scale";

export interface View {
  range: Range;
  /** All of it, as it grows. */
  isFitted: boolean;
  fit: () => void;
  zoom: (factor: number, share?: number) => void;
  move: (share: number) => void;
}

const STEP = 1.6;

/** `bounds` is all there is. */
export function useView(bounds: Range): View {
  const [chosen, choose] = useState<Range | undefined>();
  const range = chosen ?? bounds;
  const newest = useRef({ range, bounds });
  newest.current = { range, bounds };
  const set = (next: Range) => {
    newest.current.range = next; // several wheel events may come before the next drawing
    choose(next);
  };
  return {
    range,
    isFitted: chosen === undefined,
    fit: () => choose(undefined),
    zoom: (factor, share = 0.5) => set(zoomed(newest.current.range, factor, share)),
    move: (share) => set(moved(newest.current.range, share, newest.current.bounds)),
  };
}

/** Keys of the chart; whether it was one. */
export function viewKey(event: KeyboardEvent, view: View): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const acts: Record<string, () => void> = {
    "+": () => view.zoom(1 / STEP),
    "=": () => view.zoom(1 / STEP),
    "-": () => view.zoom(STEP),
    "0": view.fit,
  };
  if (event.shiftKey) {
    acts.ArrowLeft = () => view.move(-0.2);
    acts.ArrowRight = () => view.move(0.2);
  }
  const act = acts[event.key];
  if (act) event.preventDefault();
  act?.();
  return act !== undefined;
}

export const zoomIn = (view: View) => view.zoom(1 / STEP);
export const zoomOut = (view: View) => view.zoom(STEP);

/** Zooms with Ctrl + wheel, moves with a sideways wheel or a drag. Keeps what is under the pointer
 * where it is. `track` is the part of `box` that has a time: px from its left, and its width. */
export function usePointer(
  box: { current: HTMLElement | null },
  track: { left: number; width: number },
  view: View,
): void {
  const newest = useRef({ track, view });
  newest.current = { track, view };
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const onWheel = (event: WheelEvent) => {
      const { track, view } = newest.current;
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (event.ctrlKey || event.metaKey) {
        const x = event.clientX - element.getBoundingClientRect().left - track.left;
        view.zoom(
          Math.exp(clamp(event.deltaY, 100) * 0.004),
          Math.min(Math.max(x / track.width, 0), 1),
        );
      } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
        view.move(sideways / track.width);
      } else return;
      event.preventDefault();
    };
    const stopDrag = dragging(element, () => newest.current);
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => {
      element.removeEventListener("wheel", onWheel);
      stopDrag();
    };
  }, [box.current]);
}

const clamp = (n: number, most: number) => Math.min(Math.max(n, -most), most);
const LEAST_DRAG_PX = 4;

function dragging(
  element: HTMLElement,
  now: () => { track: { left: number; width: number }; view: View },
): () => void {
  let at: number | undefined;
  let isDrag = false;
  const onDown = (event: PointerEvent) => {
    const x = event.clientX - element.getBoundingClientRect().left;
    isDrag = false;
    if (event.button === 0 && x >= now().track.left) at = event.clientX;
  };
  const onMove = (event: PointerEvent) => {
    if (at === undefined || (!isDrag && Math.abs(event.clientX - at) < LEAST_DRAG_PX)) return;
    if (!isDrag) element.setPointerCapture(event.pointerId);
    isDrag = true;
    now().view.move((at - event.clientX) / now().track.width);
    at = event.clientX;
  };
  const onUp = () => {
    at = undefined;
  };
  const onClick = (event: MouseEvent) => {
    if (isDrag) event.stopPropagation(); // a drag is no click on what it ends on
    isDrag = false;
  };
  element.addEventListener("pointerdown", onDown);
  element.addEventListener("pointermove", onMove);
  element.addEventListener("pointerup", onUp);
  element.addEventListener("pointercancel", onUp);
  element.addEventListener("click", onClick, true);
  return () => {
    element.removeEventListener("pointerdown", onDown);
    element.removeEventListener("pointermove", onMove);
    element.removeEventListener("pointerup", onUp);
    element.removeEventListener("pointercancel", onUp);
    element.removeEventListener("click", onClick, true);
  };
}
