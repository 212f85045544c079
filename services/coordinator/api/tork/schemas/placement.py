"""On which nodes a task runs, with what, within which network, and as what."""

from typing import Literal

from services.coordinator.api.replies import Answer

PlacementTypeName = Literal["batch", "ops", "daemon", "service"]


class ConstraintView(Answer):
    key: str | None = None
    """The name of a label of nodes."""
    operator: str | None = None
    """`=`, `==`, `!=`, `in`, `notin`, `exists`, `!`, `gt` or `lt`."""
    values: list[str] | None = None
    """What it is compared with."""


class PreferenceView(Answer):
    constraints: list[ConstraintView] | None = None
    """Nodes that meet all of them are chosen before others."""
    weight: int | None = None
    """How much it counts; without it 1."""


class ResourcesView(Answer):
    cpus: str | None = None
    """How many processors."""
    memory: str | None = None
    """Such as `500m`; units are powers of 1024."""
    disk: str | None = None
    """As `memory`."""
    gpus: int | str | None = None
    """How many graphics processors."""


class UpdatePolicyView(Answer):
    max_unavailable: int | None = None
    """At most so many executions are missing at a time."""
    healthy_after: str | None = None
    """How long an execution must have run before the next is replaced."""


class PlacementView(Answer):
    type: PlacementTypeName | None = None
    """Without it `batch`."""
    count: int | str | None = None
    """How many executions; without it 1."""
    constraints: list[ConstraintView] | None = None
    """Nodes must meet all of them."""
    prefer: list[PreferenceView] | None = None
    """Nodes that are chosen before others."""
    resources: ResourcesView | None = None
    """What each execution is given room for."""
    one_per_node: bool | None = None
    """Whether no node may have two executions at once."""
    max_per_node: int | None = None
    """How many executions a node may have at once."""
    max_nodes: int | None = None
    """On how many nodes they may be at once."""
    min_nodes: int | None = None
    """None begins before so many nodes have room at once."""
    node: ResourcesView | None = None
    """What a node must have in all."""
    priority: int | None = None
    """Higher gets a node first."""
    update: UpdatePolicyView | None = None
    """How a new version replaces the old one."""
    size: int | None = None
    """How many executions there are."""
    completions: int | None = None
    """How many have ended."""
    failures: int | None = None
    """How many of those have failed."""
    running: int | None = None
    """Of a service or daemon: how many of them run."""
    waiting: int | None = None
    """Of a service or daemon: how many of them don't run yet, or not just now."""


class ExecutionView(Answer):
    type: PlacementTypeName | None = None
    """The type of its placement."""
    index: int | None = None
    """Which of the executions it is, from 0."""
    count: int | None = None
    """How many there are."""


class PortView(Answer):
    name: str | None = None
    """The end of its variables."""
    static: int | None = None
    """The port of the node; without it any that is free."""
    target: int | None = None
    """The port in the container; without it the same."""
    address: str | None = None
    """The address of the node that takes connections."""


class NetworkView(Answer):
    type: str | None = None
    """`none`, `host`, `bridge`, `full` or `http`."""
    domains: list[str] | None = None
    """What is reached, by `http`."""
    ports: list[PortView] | None = None
    """Where the task is reached."""


class WasmView(Answer):
    module: str | None = None
    """Where a source puts it."""
    entrypoint: str | None = None
    """The function that is called; without it `_start`."""
    imports: dict[str, str] | None = None
    """Modules that it imports, by their names."""


class NodePassedOver(Answer):
    """A worker, and what of it an execution cannot have."""

    id: str
    """Of the worker."""
    name: str
    """As its settings call it."""
    reasons: list[str]
    """All that is in the way; empty where it fits, and is taken by the next round of placement."""


class WaitingExecutions(Answer):
    """Executions of one task that ask for the same and have no node."""

    name: str
    """Of the task."""
    task_ids: list[str]
    """Of the executions, or of the task itself that waits for nodes that match."""
    message: str
    """The reasons of all nodes together, the nearest to fitting first; its wording may change."""
    nodes: list[NodePassedOver]
    """Each worker that is up."""


class JobPlacement(Answer):
    """What of a job waits for a node, and why no node is taken for it."""

    waiting: list[WaitingExecutions]
    """Empty while nothing waits for a node."""
