// How the tasks of a job depend on each other.
import { useMemo, useState } from "preact/hooks";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { useTimelines } from "./data";
import { GraphDrawing } from "./graph-drawing";
import { type GraphNode, graphOf, hasBranches } from "./graph-model";
import { lookOf, NodeBody, nodeText } from "./graph-node";
import type { TaskNode, TimelineData } from "./model";

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
  const fold = (node: GraphNode) => setFolds(new Map(folds).set(node.key, !node.isOpen));
  return (
    <GraphDrawing
      graph={graph}
      look={lookOf}
      draw={(node, walked, around) => (
        <NodeBody node={node} walked={walked} around={around} now={now} onFold={() => fold(node)} />
      )}
      textOf={(node) => nodeText(node, now)}
      otherwise="the timeline shows them better."
    />
  );
}
