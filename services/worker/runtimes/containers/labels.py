"""The labels of all that is made for a task on an engine: by them it is found again."""

import json
from collections.abc import Mapping

from conveyor.extensions.tasks import TaskSpec

LABEL_NODE = "conveyor.node"
LABEL_TASK = "conveyor.task"
LABEL_JOB = "conveyor.job"
LABEL_DISPATCH = "conveyor.dispatch"


def labels_of(spec: TaskSpec) -> dict[str, str]:
    return {
        LABEL_NODE: spec.node_id,
        LABEL_TASK: spec.task_id,
        LABEL_JOB: spec.job_id,
        LABEL_DISPATCH: str(spec.dispatch),
    }


def filter_of_task(spec: TaskSpec) -> str:
    """For an engine's lists: all that was made for the task, whoever made it."""
    return json.dumps({"label": [f"{LABEL_TASK}={spec.task_id}"]})


def is_earlier(labels: Mapping[str, str], spec: TaskSpec) -> bool:
    """Whether what bears these labels was made for the task, but not for this dispatch of it."""
    ours = labels_of(spec)
    same = all(labels.get(label) == ours[label] for label in (LABEL_NODE, LABEL_DISPATCH))
    return labels.get(LABEL_TASK) == spec.task_id and not same
