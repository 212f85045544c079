// A graph that is looked at, moved, zoomed and walked by keys, and the same as a list.
import "./graph.css";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "../ui/button";
import { EmptyState } from "../ui/empty-state";
import type { Layout } from "./graph-layout";
import { type AnyGraph, type AnyNode, NODE, neighbours } from "./graph-model";
import { type GraphView, graphKey, useGraphPointer, useGraphView, withInSight } from "./graph-view";
import { nextNode } from "./graph-walk";

const MOST_NODES = 400;

/** What the element of a node that can be walked to must have. */
export interface Walked {
  "data-node": string;
  tabIndex: number;
  title: string;
  onFocus: () => void;
}

interface Props<N extends AnyNode> {
  graph: AnyGraph<N>;
  /** What is drawn in the box of a node; the graph does not show its edges to who can't see it:
   * `around` does, in words. */
  draw: (node: N, walked: Walked, around: string) => ComponentChildren;
  /** What is said of a node in the list. */
  textOf: (node: N) => string;
  /** `class` of its box. */
  look: (node: N) => string;
  /** Where to look if there are too many nodes. */
  otherwise: string;
}

export function GraphDrawing<N extends AnyNode>(props: Props<N>) {
  const { graph, draw, textOf, look, otherwise } = props;
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const layout = useLayout(graph, size.width < 600);
  const view = useGraphView(layout, size, middleOf(layout, graph.nodes[0]?.key));
  const [focused, setFocused] = useState(graph.nodes[0]?.key);
  useGraphPointer(box, view);
  if (graph.nodes.length > MOST_NODES)
    return (
      <EmptyState
        title="Too many for a graph"
        text={`It has ${graph.nodes.length} nodes: ${otherwise}`}
      />
    );
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
            {graph.nodes.map((node) => {
              const at = layout.places.get(node.key);
              const walked = {
                "data-node": node.key,
                tabIndex: node.key === focused ? 0 : -1,
                title: node.name,
                onFocus: () => onFocus(node.key),
              };
              return (
                at && (
                  <div
                    key={node.key}
                    class={`graph-node ${look(node)}`}
                    style={{ transform: `translate(${at.x}px, ${at.y}px)` }}
                  >
                    {draw(node, walked, wordsAround(node, graph, around))}
                  </div>
                )
              );
            })}
          </div>
        )}
      </div>
      <details class="graph-text">
        <summary>The graph as a list</summary>
        <ul>
          {graph.nodes.map((node) => (
            <li key={node.key}>
              <strong>{node.name}</strong>: {textOf(node)}; {wordsAround(node, graph, around)}
            </li>
          ))}
        </ul>
      </details>
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

function wordsAround(node: AnyNode, graph: AnyGraph<AnyNode>, around: Around): string {
  const named = (keys: readonly string[]) =>
    keys.map((key) => graph.nodes.find((one) => one.key === key)?.name).join(", ");
  const { before, after } = around.get(node.key) ?? { before: [], after: [] };
  const words = [before.length ? `after ${named(before)}` : "the beginning"];
  if (after.length) words.push(`before ${named(after)}`);
  return words.join("; ");
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
function useLayout(graph: AnyGraph<AnyNode>, isNarrow: boolean): Layout | undefined {
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
