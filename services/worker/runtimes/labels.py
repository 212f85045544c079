"""The labels on everything an engine makes for a task: who made it, and for what."""

from services.worker.runtimes.task_spec import TaskSpec

LABEL_NODE = "conveyor.node"
LABEL_TASK = "conveyor.task"
LABEL_JOB = "conveyor.job"


def labels_of(spec: TaskSpec) -> dict[str, str]:
    return {LABEL_NODE: spec.node_id, LABEL_TASK: spec.task_id, LABEL_JOB: spec.job_id}
