// Very many tasks: only the rows in sight are in the document, and only those near are read.
import type { VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useTop, useWindowRows } from "../ui/virtual";
import { TaskRow } from "./task-row";
import { type Asked, type Row, useRows } from "./task-rows";

/** As in job.css. */
const HEIGHT = 36;
const HEIGHT_ON_PHONES = 64;
const PHONE = "(max-width: 700px)";

interface Props {
  asked: Asked;
  total: number;
  changes: number;
  /** The first rows, which come with the counts. */
  begin: readonly Row[];
}

interface Shown {
  row: Row;
  top: number;
  height: number;
  node: VNode;
}

export function LongFamily({ asked, total, changes, begin }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const top = useTop(box);
  const height = usePhone() ? HEIGHT_ON_PHONES : HEIGHT;
  const rows = useWindowRows(total, top, () => height);
  const first = rows.items[0]?.index ?? 0;
  const last = rows.items.at(-1)?.index ?? 0;
  const rowAt = useRows(asked, first, last, changes, begin);
  // A node that is the same as before is not looked into: scrolling costs only what comes in sight.
  const before = useRef(new Map<number, Shown>());
  const shown = new Map<number, Shown>();
  const nodeAt = (index: number, at: number) => {
    const row = rowAt(index);
    const style = { transform: `translateY(${at}px)`, height: `${height}px` };
    if (!row) return <div key={index} class="task-row" style={style} aria-hidden="true" />;
    const old = before.current.get(index);
    const isSame = old?.row === row && old.top === at && old.height === height;
    const node = isSame ? (
      old.node
    ) : (
      <TaskRow key={index} jobId={asked.jobId} row={row} place={index + 1} style={style} />
    );
    shown.set(index, { row, top: at, height, node });
    return node;
  };
  const nodes = rows.items.map(({ index, start }) => nodeAt(index, start - top));
  before.current = shown;
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows that are not all there can't be a table
    <div class="task-window" role="rowgroup" ref={box} style={{ height: `${total * height}px` }}>
      {nodes}
    </div>
  );
}

function usePhone(): boolean {
  const [isPhone, setPhone] = useState(() => matchMedia(PHONE).matches);
  useLayoutEffect(() => {
    const media = matchMedia(PHONE);
    const look = () => setPhone(media.matches);
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, []);
  return isPhone;
}
