// Where in the log one is, and whether one stays at its end.
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { type Geometry, geometry, type View } from "./rows";

export interface Position {
  geometry: Geometry;
  view: View;
  isFollowing: boolean;
  /** Lines that came since one let go of the end. */
  unseen: number;
  onScroll: () => void;
  toEnd: () => void;
  letGo: () => void;
  show: (line: number) => void;
}

export function usePosition(
  box: RefObject<HTMLElement | null>,
  total: number,
  isWrapped: boolean,
  startsAtEnd: boolean,
): Position {
  const [, render] = useReducer<number, void>((n) => n + 1, 0);
  const [isFollowing, setFollowing] = useState(startsAtEnd);
  const seen = useRef(total);
  const lastTop = useRef(0);
  const wanted = useRef<number | undefined>(undefined);
  const element = box.current;
  const view = { top: element?.scrollTop ?? 0, height: element?.clientHeight || 480 };
  const shape = geometry(total, view, isWrapped);
  if (isFollowing || !seen.current) seen.current = total;
  const scroll = (top: number) => {
    if (!box.current) return;
    box.current.scrollTop = top;
    lastTop.current = box.current.scrollTop;
    render();
  };
  const settle = () => {
    const line = wanted.current;
    if (line !== undefined && total) {
      wanted.current = undefined;
      if (shape.space) scroll(Math.max(shape.topOf(line) - view.height / 3, 0));
      else box.current?.querySelector(`[data-line="${line}"]`)?.scrollIntoView({ block: "center" });
    } else if (isFollowing && box.current) {
      const end = box.current.scrollHeight - box.current.clientHeight;
      if (end - box.current.scrollTop > 1) scroll(end);
    }
  };
  useLayoutEffect(settle);
  return {
    geometry: shape,
    view,
    isFollowing,
    unseen: total - seen.current,
    onScroll: () => {
      const now = box.current;
      if (!now) return;
      const isAtEnd = now.scrollTop + now.clientHeight >= now.scrollHeight - 4;
      if (isAtEnd) setFollowing(true);
      else if (now.scrollTop < lastTop.current - 2) setFollowing(false);
      lastTop.current = now.scrollTop;
      render();
    },
    toEnd: () => setFollowing(true),
    letGo: () => setFollowing(false),
    show: (line) => {
      setFollowing(false);
      wanted.current = line;
      render();
    },
  };
}
