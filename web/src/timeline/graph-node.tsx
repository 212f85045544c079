// One node of the graph: name, state, how long it took or how far its children are.
import { count, duration } from "../ui/format";
import { Mark, State, shownState } from "../ui/state";
import type { Walked } from "./graph-drawing";
import { countsOf, type GraphNode } from "./graph-model";
import { lastBar, spanOf, subjobOf } from "./model";
import { kindWord, stateWord } from "./words";

interface Props {
  node: GraphNode;
  walked: Walked;
  around: string;
  now: number;
  onFold: () => void;
}

export const lookOf = ({ task }: GraphNode) =>
  `state-${task?.state ? shownState(task.state).look : "waiting"}`;

export function NodeBody({ node, walked, around, now, onFold }: Props) {
  const { task, name } = node;
  const body = (
    <>
      <span class="graph-name cut">{name}</span>
      <span class="graph-facts">
        {task?.state ? (
          <State state={task.state} />
        ) : (
          <Mark look="waiting" shape="dash" word="Not started" />
        )}
        <span class="muted">{factOf(node, now)}</span>
      </span>
      <span class="unseen">
        {task && node.kind !== "task" ? `${kindWord(task)}, ` : ""}
        {around}
      </span>
    </>
  );
  const href = hrefOf(node);
  return (
    <>
      {href ? (
        <a class="graph-body" href={href} draggable={false} {...walked}>
          {body}
        </a>
      ) : (
        <button type="button" class="graph-body" aria-disabled="true" {...walked}>
          {body}
        </button>
      )}
      {node.childCount > 0 && (
        <button
          type="button"
          class="graph-fold"
          aria-expanded={node.isOpen}
          aria-label={node.isOpen ? `Fold ${name}` : `Unfold ${name}, ${node.childCount} tasks`}
          onClick={onFold}
        >
          {node.isOpen ? "−" : "+"}
        </button>
      )}
    </>
  );
}

function hrefOf({ task }: GraphNode): string | undefined {
  const id = task && lastBar(task)?.attempt.id;
  if (!id) return undefined;
  const query = new URLSearchParams(location.search);
  query.set("task", id);
  return `${location.pathname}?${query}`;
}

/** Beside the state: counts of what stands for many, else how long it took. */
function factOf(node: GraphNode, now: number): string {
  const counts = countsOf(node);
  if (counts) {
    const failed = counts.failed ? `, ${count(counts.failed)} failed` : "";
    return `${count(counts.ended)}/${count(counts.size)}${failed}`;
  }
  const bar = node.task && lastBar(node.task);
  if (!node.task || !bar) return node.childCount ? `${node.childCount} tasks` : "";
  const tries = node.task.bars.length > 1 ? `×${node.task.bars.length} ` : "";
  const span = bar.started === undefined ? undefined : spanOf([bar], now);
  return span ? `${tries}${duration(span[1] - (bar.started ?? span[0]))}` : tries;
}

export function nodeText(node: GraphNode, now: number): string {
  const kind = node.kind === "task" ? "" : `${node.task ? kindWord(node.task) : node.kind}, `;
  const fact = factOf(node, now);
  const subjob = node.task && subjobOf(node.task) ? ", a job of its own" : "";
  return `${kind}${stateWord(node.task?.state).toLowerCase()}${fact && ` ${fact}`}${subjob}`;
}
