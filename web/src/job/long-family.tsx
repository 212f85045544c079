// Very many tasks: only the rows in sight are in the document, and only those near are read.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useSameNodes, useTop, useWindowRows } from "../ui/virtual";
import { TaskRow } from "./task-row";
import { type Asked, type Row, useRows } from "./task-rows";

/** As in job.css. */
const HEIGHT = 36;
const HEIGHT_ON_PHONES = 64;
/** Where the rows begin in most jobs. */
const TOP_PX = 408;
const PHONE = "(max-width: 700px)";

interface Props {
  asked: Asked;
  total: number;
  changes: number;
  /** The first rows, which come with the counts. */
  begin: readonly Row[];
}

export function LongFamily({ asked, total, changes, begin }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const top = useTop(box, TOP_PX);
  const height = usePhone() ? HEIGHT_ON_PHONES : HEIGHT;
  const rows = useWindowRows(total, top, () => height);
  const first = rows.items[0]?.index ?? 0;
  const last = rows.items.at(-1)?.index ?? 0;
  const rowAt = useRows(asked, total, first, last, changes, begin);
  const drawn = useSameNodes<number>();
  const nodeAt = (index: number, at: number) => {
    const row = rowAt(index);
    if (!row) return null; // it takes no time to draw while one scrolls past
    return drawn(index, [row, at, height], () => {
      const style = { transform: `translateY(${at}px)`, height: `${height}px` };
      return <TaskRow key={index} jobId={asked.jobId} row={row} place={index + 1} style={style} />;
    });
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows that are not all there can't be a table
    <div class="task-window" role="rowgroup" ref={box} style={{ height: `${total * height}px` }}>
      {rows.items.map(({ index, start }) => nodeAt(index, start - top))}
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
