"""What a watchdog is told: how to end tasks, as its argument; later, where to hand them back."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from conveyor.extensions.terminators import ContainerTerminator, ProcessTerminator, Terminator

Key = tuple[str, int]
"""Task id and dispatch."""


class WatchdogArgs(NamedTuple):
    """`limit_seconds` counts from the last sign that a lease lasts.

    `can_end_all`: the terminators reach all that the worker's tasks may run. `kept_in` is the
    directory with the files of executions that may outlive the worker `node_id`.
    """

    limit_seconds: float
    terminators: Sequence[Terminator]
    can_end_all: bool
    kept_in: str = ""
    node_id: str = ""

    def encode(self) -> str:
        described = [[type(each).__name__, *each] for each in self.terminators]
        return json.dumps([self.limit_seconds, described, *self[2:]])

    @classmethod
    def decode(cls, text: str) -> "WatchdogArgs":
        limit, described, *others = json.loads(text)
        kinds = {kind.__name__: kind for kind in (ProcessTerminator, ContainerTerminator)}
        return cls(limit, [kinds[kind](*fields) for kind, *fields in described], *others)


class ReturnAddress(NamedTuple):
    """What handing tasks back takes. `broker` are the broker's settings, its password among them.

    `path` is where modules are: the watchdog itself knows only those of the standard library.
    """

    node_id: str
    lease_seconds: float
    broker: dict[str, Any]
    path: list[str]
