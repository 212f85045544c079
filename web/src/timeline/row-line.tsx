// One row: the name and state of a task, and its time.
import { useMemo, useRef } from "preact/hooks";
import { count } from "../ui/format";
import { Mark, State } from "../ui/state";
import type { Crowd } from "./density";
import { isComposite, lastBar, type TaskNode } from "./model";
import type { Row } from "./rows";
import type { Range } from "./scale";
import { Track } from "./track";
import { rowText } from "./words";

interface Props {
  row: Row;
  index: number;
  start: number;
  now: number;
  view: Range;
  width: number;
  crowd: (node: TaskNode) => Crowd;
  isFocused: boolean;
  href: string | undefined;
  onFold: () => void;
  onOpen: () => void;
  onFocus: () => void;
  onPoint: () => void;
}

/** Drawn anew only when something of it is new: scrolling draws some thirty rows sixty times a
 * second. */
export function RowLine(props: Props) {
  const { row, index, start, now, view, width, crowd, isFocused, href } = props;
  const newest = useRef(props);
  newest.current = props;
  return useMemo(
    () => <Line {...props} newest={newest} />,
    [row, index, start, now, view.from, view.to, width, crowd, isFocused, href],
  );
}

function Line(props: Props & { newest: { current: Props } }) {
  const { row, index, start, now, view, width, crowd, newest } = props;
  const peak = isComposite(row.node) && !row.isOpen ? crowd(row.node).peak : 0;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table can't have virtual rows
    <div
      class="timeline-row"
      role="row"
      aria-level={row.level}
      aria-rowindex={index + 1}
      aria-expanded={row.isOpen}
      tabIndex={props.isFocused ? 0 : -1}
      style={{ transform: `translateY(${start}px)` }}
      onFocusIn={() => newest.current.onFocus()}
      onPointerMove={() => newest.current.onPoint()}
      onClick={(event) =>
        !(event.target as Element).closest("a, button") && newest.current.onOpen()
      }
      onKeyDown={() => undefined}
    >
      <Label {...props} onFold={() => newest.current.onFold()} />
      {/* biome-ignore lint/a11y/useSemanticElements: as the row it is in */}
      <div role="gridcell" class="timeline-time" tabIndex={-1}>
        <span class="unseen">{rowText(row, now, peak)}</span>
        <Track row={row} range={view} width={width} now={now} crowd={crowd} />
      </div>
    </div>
  );
}

const INDENT_PX = 14;

function Label({ row, href, onFold }: Props) {
  const { node, bar } = row;
  const state = bar ? bar.attempt.state : node.state;
  const name = bar ? `Attempt ${(bar.attempt.attempt ?? 0) + 1}` : nameOf(node);
  return (
    // biome-ignore lint/a11y/useSemanticElements: as the treegrid it is in
    <div
      role="rowheader"
      class="timeline-label"
      tabIndex={-1}
      style={{ paddingLeft: `${(row.level - 1) * INDENT_PX}px` }}
    >
      {row.isOpen === undefined ? (
        <span class="timeline-fold" />
      ) : (
        <button
          type="button"
          class="timeline-fold"
          tabIndex={-1}
          aria-label={row.isOpen ? `Fold ${name}` : `Unfold ${name}`}
          onClick={onFold}
        >
          <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
            <path d={row.isOpen ? "M2 4l4 4 4-4" : "M4 2l4 4-4 4"} />
          </svg>
        </button>
      )}
      <span class="timeline-state">
        {state ? <State state={state} /> : <Mark look="waiting" shape="dash" word="Not started" />}
      </span>
      {href ? (
        <a class="cut" href={href} tabIndex={-1} title={name}>
          {name}
        </a>
      ) : (
        <span class="cut muted" title={name}>
          {name}
        </span>
      )}
      <Count node={node} isAttempt={bar !== undefined} />
    </div>
  );
}

/** Children of one task often share their name. */
function nameOf(node: TaskNode): string {
  const name = node.name || "(no name)";
  const index = lastBar(node)?.attempt.childIndex;
  return node.isItem && !name.includes(String(index)) ? `${name} [${index}]` : name;
}

function Count({ node, isAttempt }: { node: TaskNode; isAttempt: boolean }) {
  if (isAttempt) return null;
  const children = lastBar(node)?.attempt.children;
  if (children)
    return (
      <span class="timeline-count muted small">
        {count(children.completions)}/{count(children.size)}
      </span>
    );
  return node.bars.length > 1 ? (
    <span class="timeline-count muted small" title={`${node.bars.length} attempts`}>
      ×{node.bars.length}
    </span>
  ) : null;
}
