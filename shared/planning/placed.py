"""What placement makes of a task: its rules for the core, what it asks of nodes, its executions."""

from collections.abc import Mapping
from datetime import timedelta

from shared.definition import (
    Duration,
    Execution,
    Limits,
    Placement,
    Retry,
    TaskDefinition,
    changed,
    span_of,
)
from shared.lifecycle import Offspring, PlacementRules, PlacementType, Planned, PlannedTask, Scope
from shared.placement import amounts_wanted, demand_of

UNLIMITED_RETRIES = 2**31 - 1
_KEPT_RUNNING = Retry(
    limit=UNLIMITED_RETRIES,
    initial_delay=Duration(1, "1s"),
    max_delay=Duration(300, "5m"),
    reset_after=Duration(600, "10m"),
)
"""How services and daemons are restarted that don't say it themselves."""
_HEALTHY_AFTER = timedelta(seconds=10)


def is_placed(task: TaskDefinition) -> bool:
    """Whether it is made of executions; each of those is a task that has `execution`, too."""
    return task.placement is not None and task.execution is None


def is_kept_running(task: TaskDefinition) -> bool:
    placement = task.placement
    return placement is not None and PlacementType(placement.type).is_kept_running


def with_defaults_of_its_type(task: TaskDefinition) -> TaskDefinition:
    """An execution with what its placement says of retries and limits, where it doesn't itself."""
    if task.execution is None or task.placement is None:
        return task
    retry = task.retry or (_KEPT_RUNNING if is_kept_running(task) else None)
    limits = task.limits or _limits(task.placement)
    return changed(task, retry=retry, limits=limits)


def with_what_its_worker_reads(task: TaskDefinition) -> TaskDefinition:
    """Of its placement, an execution is told what it was given room for."""
    placement = task.placement
    if placement is None:
        return task
    resources = placement.resources
    room = Placement(type=placement.type, resources=resources) if resources else None
    return changed(task, placement=room)


def _limits(placement: Placement) -> Limits | None:
    resources = placement.resources
    if resources is None or not (resources.cpus or resources.memory):
        return None
    return Limits(cpus=resources.cpus, memory=resources.memory)


def takes_default_limits(task: TaskDefinition) -> bool:
    """Whether the job's default limits hold for it, as no resources of its own do."""
    return task.placement is None or _limits(task.placement) is None


def rules_of(task: TaskDefinition) -> PlacementRules | None:
    """Raises ValueError."""
    placement = task.placement
    if placement is None:
        return None
    update = placement.update
    healthy_after = span_of(update.healthy_after) if update else None
    return PlacementRules(
        type=PlacementType(placement.type),
        priority=task.priority if placement.priority is None else placement.priority,
        max_unavailable=update.max_unavailable if update else 1,
        healthy_after=_HEALTHY_AFTER if healthy_after is None else healthy_after,
        demand=demand_of(task),
    )


def resources_of(task: TaskDefinition) -> Mapping[str, int] | None:
    """What it holds of its node while it runs: of an execution its place at least, which is `{}`.
    Raises ValueError."""
    if task.placement is not None:
        return amounts_wanted(task).to_json()
    if task.limits is None and task.gpus is None:
        return None
    return amounts_wanted(task).to_json() or None


def placed(plan: PlannedTask, placement: Placement, scope: Scope | None) -> Planned:
    """One child for each partition; those of all nodes come with the nodes."""
    is_on_every_node = PlacementType(placement.type).is_on_every_node
    count = 0 if is_on_every_node else int(placement.count)
    return Planned(task=plan, offspring=Offspring(scopes=[scope] * count))


def execution_of(parent: TaskDefinition, placement: Placement, child_index: int) -> TaskDefinition:
    """The child at `child_index`; `parent` is evaluated as far as it stands for its executions. On
    every node there is one that is its only partition."""
    is_on_every_node = PlacementType(placement.type).is_on_every_node
    return changed(
        parent,
        name=as_written(parent.name or "") or None,
        var=None,
        condition=None,
        needs=None,
        allow_failure=False,
        execution=Execution(
            type=placement.type,
            index=0 if is_on_every_node else child_index,
            count=1 if is_on_every_node else int(placement.count),
            prefix=placement.prefix,
        ),
    )


def as_written(text: str) -> str:
    """A template that comes to `text`, which is evaluated already."""
    return text.replace("{{", "{{ '{{' }}")
