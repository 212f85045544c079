"""The values of placement: on which nodes executions of a task run, and with what."""

from dataclasses import dataclass
from typing import Literal

from conveyor.extensions.tasks import DEFAULT_PREFIX
from shared.definition.quantities import Amount, Duration

Operator = Literal["=", "==", "!=", "in", "notin", "exists", "!", "gt", "lt"]
PlacementKind = Literal["batch", "ops", "daemon", "service"]

DEFAULT_IMAGE = "default-image"
"""Among its engines, what a worker tells that runs tasks without an image in one of its own."""


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """What a node's label `key` must be, by the rules of label selectors in Kubernetes: `!=` and
    `notin` also match where it is absent, `gt` and `lt` compare whole numbers."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Preference:
    """Nodes that meet all of `constraints` are chosen before others; `weight` is from 1 to 100."""

    constraints: tuple[Constraint, ...]
    weight: int = 1


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one execution is given room for: `cpus` in processors, `memory` and `disk` in bytes.
    They are its limits as well, where the task has none. Until they are evaluated, an amount of 0
    has an expression as its text, and `gpus` is one."""

    cpus: Amount | None = None
    memory: Amount | None = None
    disk: Amount | None = None
    gpus: int | str = 0


@dataclass(frozen=True, kw_only=True)
class UpdatePolicy:
    """How a new version takes the place of the old one: at most `max_unavailable` executions are
    missing at a time; one counts as healthy once it has run for `healthy_after`."""

    max_unavailable: int = 1
    healthy_after: Duration | None = None


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A task with it is made of executions: `count` of them (`batch`, `service`), or one on every
    node that matches (`ops`, `daemon`). Those of a `service` and a `daemon` are kept running.

    `priority` stands before that of the task. With `one_per_node` no node has two of them, with
    `max_per_node` none has more; they are on at most `max_nodes` (0: any number of both). With
    `min_nodes` none begins before so many nodes have room at once. Each of their nodes has as much
    as `node` in all. `count` is a text until it is evaluated. `prefix` is that of the variables of
    its executions.
    """

    type: PlacementKind = "batch"
    count: int | str = 1
    constraints: tuple[Constraint, ...] = ()
    prefer: tuple[Preference, ...] = ()
    resources: Resources | None = None
    node: Resources | None = None
    one_per_node: bool = False
    max_per_node: int = 0
    max_nodes: int = 0
    min_nodes: int = 0
    priority: int | None = None
    update: UpdatePolicy | None = None
    prefix: str = "CONVEYOR"


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Set by planning: which of `count` executions of a placed task this one is. Its program sees
    that as variables that begin with `prefix`, such as `CONVEYOR_PARTITION_INDEX`."""

    type: PlacementKind
    index: int
    count: int
    prefix: str = DEFAULT_PREFIX
