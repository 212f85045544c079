"""Rows of workers as they are answered."""

from collections.abc import Mapping, Sequence

from services.coordinator.api.nodes.schemas import (
    Node,
    NodeGpu,
    NodeResources,
    NodeTask,
    NodeWithTasks,
)
from services.coordinator.store.node_details import NodeDetails, TaskOfNode

_AS_THEY_ARE = (
    *("id", "name", "started_at", "cpu_percent", "last_heartbeat_at", "queue", "status"),
    *("hostname", "port", "task_count", "version", "membership", "availability", "message"),
    *("changed_by", "changed_at", "held_until", "hold_reason", "labels", "engines", "storages"),
    *("publishers", "executions", "max_executions"),
)


def shown_node(node: NodeDetails) -> Node:
    return Node.model_validate(_fields(node))


def shown_with_tasks(node: NodeDetails, tasks: Sequence[TaskOfNode]) -> NodeWithTasks:
    return NodeWithTasks.model_validate({**_fields(node), "tasks": list(map(_task, tasks))})


def _fields(node: NodeDetails) -> dict[str, object]:
    capacity = node.capacity
    free = {name: max(amount - node.used.get(name, 0), 0) for name, amount in capacity.items()}
    return {
        **{name: getattr(node, name) for name in _AS_THEY_ARE},
        "gpus": [NodeGpu.model_validate(gpu) for gpu in node.gpus],
        "capacity": _resources(capacity),
        "free": _resources(free),
    }


def _task(task: TaskOfNode) -> NodeTask:
    names = ("id", "job_id", "name", "state", "is_execution", "recall", "started_at")
    fields = {name: getattr(task, name) for name in names}
    return NodeTask.model_validate({**fields, "held": _resources(task.resources)})


def _resources(amounts: Mapping[str, int]) -> NodeResources:
    return NodeResources(
        cpus=amounts.get("millicpus", 0) / 1000,
        memory=amounts.get("memory", 0),
        disk=amounts.get("disk", 0),
        gpus=amounts.get("gpus", 0),
    )
