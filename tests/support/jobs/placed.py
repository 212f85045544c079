"""Placed tasks on a batcher rig: nodes are chosen as a test likes."""

from dataclasses import dataclass
from typing import Any

from shared.apply.apply import Outcome
from shared.definition import Placement, TaskDefinition
from shared.definition.placement import PlacementKind
from shared.lifecycle import (
    ExecutionPlaced,
    NodesMatched,
    TaskClaimed,
    TaskFailed,
    TaskReturned,
    TaskSucceeded,
)
from shared.lifecycle.placed_events import ExecutionRecalled, RecallReason
from tests.support.jobs.batcher import LEASE, Rig

Row = dict[str, Any]


def placed(type_: PlacementKind = "batch", count: int = 1, **fields: Any) -> TaskDefinition:
    return placed_as(Placement(type=type_, count=count), **fields)


def placed_as(placement: Placement, **fields: Any) -> TaskDefinition:
    return TaskDefinition(name="p", run="true", placement=placement, **fields)


@dataclass(frozen=True)
class Fleet:
    """The workers, and who places on them."""

    rig: Rig

    async def parent(self, job_id: str, name: str = "p") -> Row:
        rows = await self.rig.tasks(job_id)
        return next(r for r in rows if r["kind"] == "placed" and r["name"] == name)

    async def executions(self, job_id: str, *states: str) -> list[Row]:
        """Those that are in one of `states` (all of them without any), by index and attempt."""
        rows = [r for r in await self.rig.tasks(job_id) if r["parent_id"] is not None]
        found = [r for r in rows if not states or r["state"] in states]
        return sorted(found, key=lambda r: (r["child_index"], r["attempt"]))

    async def match(self, job_id: str, *nodes: str) -> Outcome:
        parent = await self.parent(job_id)
        total = parent["children"]["total"]
        return await self.rig.happen(NodesMatched(job_id, parent["id"], nodes, total))

    async def place(self, row: Row, node: str = "n1") -> Outcome:
        return await self.rig.happen(
            ExecutionPlaced(row["job_id"], row["id"], row["dispatch"], node)
        )

    async def claim(self, row: Row, node: str = "n1") -> Outcome:
        ref = row["job_id"], row["id"], row["dispatch"], node
        return await self.rig.happen(TaskClaimed(*ref, LEASE))

    async def start(self, job_id: str, node: str = "n1") -> list[Row]:
        """Place and claim all that wait."""
        for row in await self.executions(job_id, "PENDING"):
            await self.place(row, row["pinned_to"] or node)
            await self.claim(row, row["pinned_to"] or node)
        return await self.executions(job_id, "RUNNING")

    async def succeed(self, row: Row, result: str | None = None) -> Outcome:
        return await self.rig.happen(TaskSucceeded(*_ref(row), result))

    async def fail(self, row: Row) -> Outcome:
        return await self.rig.happen(TaskFailed(*_ref(row), "exit code 1", 0, "exit", 1))

    async def give_back(self, row: Row) -> Outcome:
        return await self.rig.happen(TaskReturned(*_ref(row)))

    async def recall(self, row: Row, reason: RecallReason) -> Outcome:
        ref = row["job_id"], row["id"], row["dispatch"]
        return await self.rig.happen(ExecutionRecalled(*ref, reason))


def _ref(row: Row) -> tuple[str, str, int, str]:
    return row["job_id"], row["id"], row["dispatch"], row["node_id"]
