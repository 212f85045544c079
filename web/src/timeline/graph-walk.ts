// From a node to the next by keys: along the edges, and to those beside it.
import { type AnyGraph, type AnyNode, neighbours } from "./graph-model";

interface Point {
  x: number;
  y: number;
}

/** Left and right follow an edge (up and down where the graph goes down); the others go to the
 * nearest node in that direction. */
export function nextNode(
  key: string,
  from: string,
  graph: AnyGraph<AnyNode>,
  places: ReadonlyMap<string, Point>,
): string | undefined {
  const here = places.get(from);
  if (key === "Home") return graph.nodes[0]?.key;
  if (key === "End") return graph.nodes.at(-1)?.key;
  const way = WAYS[key];
  if (!here || !way) return undefined;
  const around = neighbours(graph).get(from);
  const linked = [...(around?.after ?? []), ...(around?.before ?? [])];
  const candidates = linked.filter((one) => isThatWay(places.get(one), here, way));
  return (
    nearest(candidates, here, places) ??
    nearest(
      graph.nodes.map((node) => node.key).filter((one) => isThatWay(places.get(one), here, way)),
      here,
      places,
    )
  );
}

const WAYS: Record<string, Point | undefined> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** More in that direction than across it. */
function isThatWay(to: Point | undefined, here: Point, way: Point): boolean {
  if (!to) return false;
  const x = to.x - here.x;
  const y = to.y - here.y;
  const along = x * way.x + y * way.y;
  // Layers are farther apart than neighbours in a layer: across counts a third.
  return along > 0 && along > Math.abs(way.x ? y : x) / (way.x ? 3 : 1);
}

function nearest(
  keys: readonly string[],
  here: Point,
  places: ReadonlyMap<string, Point>,
): string | undefined {
  let found: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const key of keys) {
    const to = places.get(key);
    const far = to ? Math.hypot(to.x - here.x, to.y - here.y) : least;
    if (far < least) [found, least] = [key, far];
  }
  return found;
}
