// Where the nodes and edges of a graph are drawn.
// @dagrejs/dagre: layers, few crossings, typed, no dependencies but its own graphlib; loaded only
// when a graph is shown.
import { Graph, layout } from "@dagrejs/dagre";
import { type AnyGraph, type AnyNode, NODE } from "./graph-model";

export interface Point {
  x: number;
  y: number;
}

export interface Layout {
  /** The upper left corner of each node. */
  places: Map<string, Point>;
  edges: { key: string; path: string }[];
  width: number;
  height: number;
}

const MARGIN = 8;

export function layoutOf(graph: AnyGraph<AnyNode>, isNarrow: boolean): Layout {
  const drawn = new Graph();
  drawn.setGraph({
    ...{ rankdir: isNarrow ? "TB" : "LR", nodesep: 16, ranksep: isNarrow ? 36 : 56 },
    ...{ marginx: MARGIN, marginy: MARGIN },
  });
  drawn.setDefaultEdgeLabel(() => ({}));
  for (const { key } of graph.nodes) drawn.setNode(key, { ...NODE });
  for (const { from, to } of graph.edges) drawn.setEdge(from, to);
  layout(drawn);
  const places = new Map<string, Point>();
  for (const { key } of graph.nodes) {
    const { x, y } = drawn.node(key) as Point;
    places.set(key, { x: x - NODE.width / 2, y: y - NODE.height / 2 });
  }
  const edges = drawn.edges().map((edge) => {
    const { points } = drawn.edge(edge) as { points: Point[] };
    return { key: `${edge.v} ${edge.w}`, path: curve(points) };
  });
  const { width = 0, height = 0 } = drawn.graph() as { width?: number; height?: number };
  return { places, edges, width, height };
}

/** Through the middles of its parts, so that it has no corners. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${at(first)}`;
  rest.forEach((point, index) => {
    const next = rest[index + 1];
    if (next)
      path += `Q${at(point)} ${at({ x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 })}`;
    else path += `L${at(point)}`;
  });
  return path;
}

const at = ({ x, y }: Point) => `${x.toFixed(1)} ${y.toFixed(1)}`;
