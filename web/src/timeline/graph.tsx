// How the tasks of a job depend on each other.
import "./graph.css";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Button } from "../ui/button";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { useTimelines } from "./data";
import type { Layout } from "./graph-layout";
import {
  type GraphNode,
  graphOf,
  hasBranches,
  type JobGraph,
  NODE,
  neighbours,
} from "./graph-model";
import { NodeBox, nodeText } from "./graph-node";
import { type GraphView, graphKey, useGraphPointer, useGraphView, withInSight } from "./graph-view";
import { nextNode } from "./graph-walk";
import type { TaskNode, TimelineData } from "./model";

const MOST_NODES = 400;

export function Graph({ jobId, changes }: { jobId: string; changes?: number }) {
  const timelines = useTimelines(jobId, changes);
  const version = timelines.version.value;
  const loaded = timelines.get();
  if (!loaded) return timelines.error ? <ErrorNote error={timelines.error} /> : null;
  if (!hasBranches(loaded.data.tasks))
    return (
      <EmptyState
        title="No branches to draw"
        text="The tasks of this job run one after the other: the timeline shows them."
      />
    );
  return <Drawing {...loaded} version={version} now={timelines.now()} />;
}

interface DrawingProps {
  data: TimelineData;
  tree: readonly TaskNode[];
  version: number;
  now: number;
}

function Drawing({ data, tree, version, now }: DrawingProps) {
  const [folds, setFolds] = useState<ReadonlyMap<string, boolean>>(new Map());
  const graph = useMemo(() => graphOf(data.tasks, tree, folds), [version, folds]);
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const layout = useLayout(graph, size.width < 600);
  const view = useGraphView(layout, size, middleOf(layout, graph.nodes[0]?.key));
  const [focused, setFocused] = useState(graph.nodes[0]?.key);
  useGraphPointer(box, view);
  if (graph.nodes.length > MOST_NODES)
    return (
      <EmptyState
        title="Too many tasks for a graph"
        text={`It has ${graph.nodes.length} nodes: the timeline shows them better.`}
      />
    );
  const fold = (node: GraphNode) => setFolds(new Map(folds).set(node.key, !node.isOpen));
  const onKey = (event: KeyboardEvent) => {
    if (graphKey(event, view)) {
      event.preventDefault();
      return;
    }
    const next = layout && focused && nextNode(event.key, focused, graph, layout.places);
    if (!next) return;
    event.preventDefault();
    focus(box.current, next);
  };
  const onFocus = (key: string) => {
    setFocused(key);
    const at = layout?.places.get(key);
    if (layout && at) {
      const place = withInSight(view.place, at, NODE, size);
      if (place.x !== view.place.x || place.y !== view.place.y) view.set(place);
    }
  };
  const around = neighbours(graph);
  return (
    <div class="graph">
      <GraphToolbar view={view} />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: keys of the nodes in it come here */}
      <div
        ref={box}
        class="graph-box"
        style={{ height: heightOf(layout, size.width) }}
        onKeyDown={onKey}
      >
        {layout && (
          <div class="graph-all" style={{ transform: transformOf(view) }}>
            <Edges layout={layout} />
            {graph.nodes.map((node) => (
              <NodeBox
                key={node.key}
                node={node}
                at={layout.places.get(node.key)}
                around={wordsAround(node, graph, around)}
                now={now}
                isFocused={node.key === focused}
                onFocus={() => onFocus(node.key)}
                onFold={() => fold(node)}
              />
            ))}
          </div>
        )}
      </div>
      <AsText graph={graph} now={now} around={around} />
    </div>
  );
}

function middleOf(layout: Layout | undefined, key = ""): { x: number; y: number } {
  const { x, y } = layout?.places.get(key) ?? { x: 0, y: 0 };
  return { x: x + NODE.width / 2, y: y + NODE.height / 2 };
}

const transformOf = ({ place }: GraphView) =>
  `translate(${place.x}px, ${place.y}px) scale(${place.scale})`;

const focus = (box: HTMLElement | null, key: string) =>
  box?.querySelector<HTMLElement>(`[data-node="${key}"]`)?.focus();

/** As high as it is, within reason. */
function heightOf(layout: Layout | undefined, width: number): string {
  if (!layout) return "240px";
  const scale = Math.min(width / layout.width, 1);
  return `min(${Math.max(layout.height * Math.max(scale, 0.7) + 16, 200)}px, 65vh)`;
}

function GraphToolbar({ view }: { view: GraphView }) {
  return (
    <div class="toolbar">
      <fieldset class="row" aria-label="Zoom">
        <Button small onClick={() => view.zoom(1 / 1.3)} aria-label="Zoom out">
          −
        </Button>
        <Button small onClick={() => view.zoom(1.3)} aria-label="Zoom in">
          +
        </Button>
        <Button small onClick={view.fit}>
          Fit
        </Button>
      </fieldset>
      <span class="muted small graph-hint">
        <kbd>←</kbd> <kbd>→</kbd> follow the edges, <kbd>Ctrl</kbd> + wheel or <kbd>+</kbd>{" "}
        <kbd>−</kbd> zooms, a drag or <kbd>Shift</kbd> + arrows moves, <kbd>0</kbd> fits
      </span>
    </div>
  );
}

function Edges({ layout }: { layout: Layout }) {
  return (
    <svg class="graph-edges" width={layout.width} height={layout.height} aria-hidden="true">
      <defs>
        <marker
          id="graph-arrow"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          orient="auto"
        >
          <path d="M0 0 8 4 0 8z" />
        </marker>
      </defs>
      {layout.edges.map(({ key, path }) => (
        <path key={key} d={path} marker-end="url(#graph-arrow)" />
      ))}
    </svg>
  );
}

type Around = ReturnType<typeof neighbours>;

function wordsAround(node: GraphNode, graph: JobGraph, around: Around): string {
  const named = (keys: readonly string[]) =>
    keys.map((key) => graph.nodes.find((one) => one.key === key)?.name).join(", ");
  const { before, after } = around.get(node.key) ?? { before: [], after: [] };
  const words = [before.length ? `after ${named(before)}` : "the beginning"];
  if (after.length) words.push(`before ${named(after)}`);
  return words.join("; ");
}

/** For who reads it rather than looks at it. */
function AsText({ graph, now, around }: { graph: JobGraph; now: number; around: Around }) {
  return (
    <details class="graph-text">
      <summary>The graph as a list</summary>
      <ul>
        {graph.nodes.map((node) => (
          <li key={node.key}>
            <strong>{node.name}</strong>: {nodeText(node, now)}; {wordsAround(node, graph, around)}
          </li>
        ))}
      </ul>
    </details>
  );
}

function useSize(box: { current: HTMLElement | null }): { width: number; height: number } {
  const [size, setSize] = useState({ width: 900, height: 400 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return size;
}

/** Anew when there are other nodes or edges; states change nothing of it. */
function useLayout(graph: JobGraph, isNarrow: boolean): Layout | undefined {
  const [layout, setLayout] = useState<Layout | undefined>();
  const shape = `${isNarrow} ${graph.nodes.map(({ key }) => key).join()} ${graph.edges.map(({ from, to }) => `${from}>${to}`).join()}`;
  useEffect(() => {
    let isOld = graph.nodes.length > MOST_NODES;
    if (!isOld)
      void import("./graph-layout").then(({ layoutOf }) => {
        if (!isOld) setLayout(layoutOf(graph, isNarrow));
      });
    return () => {
      isOld = true;
    };
  }, [shape]);
  return layout;
}
