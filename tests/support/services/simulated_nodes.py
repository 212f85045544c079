"""Nodes that exist only by their heartbeats, and rounds of placement over them, run by hand."""

from datetime import timedelta
from typing import Any

from services.scheduler.heartbeats import Heartbeats
from services.scheduler.placement import PlacementRounds
from shared.messages import Heartbeat, NodeDescription
from shared.postgres.pool import acquired
from tests.support.jobs.batcher import Rig
from tests.support.jobs.placed import Fleet, Row
from tests.support.services.scheduler import heartbeat, no_grace, placement_rounds

SAY = """
INSERT INTO node_policies (name, membership, availability) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET membership = $2, availability = $3
"""


class SimulatedNodes(Fleet):
    """`rounds` places as a scheduler does; `settings` are those of placement."""

    def __init__(self, rig: Rig, **settings: float) -> None:
        super().__init__(rig)
        self.__dict__["rounds"] = placement_rounds(rig, **settings)

    async def join(self, *names: str, leaving: bool = False, **description: Any) -> None:
        """Nodes whose ids are their names; beside `description` they have a shell and 4 CPUs."""
        beats = Heartbeats(self.rig.batcher.outbox, self.rig.pool, no_grace())
        await beats.on_heartbeats(
            [_heartbeat(name, leaving=leaving, **description) for name in names]
        )

    async def leave(self, *names: str) -> None:
        await self.join(*names, leaving=True)

    async def say(self, name: str, availability: str, membership: str = "APPROVED") -> None:
        async with acquired(self.rig.pool) as connection:
            await connection.execute(SAY, name, membership, availability)

    async def place_all(self) -> float | None:
        rounds: PlacementRounds = self.__dict__["rounds"]
        return await rounds.place_executions()

    async def where(self, job_id: str, *states: str) -> dict[int, str | None]:
        """The node of each execution by its index."""
        states = states or ("SCHEDULED", "RUNNING")
        return {
            row["child_index"]: row["node_id"] for row in await self.executions(job_id, *states)
        }

    async def claim_all(self, job_id: str) -> list[Row]:
        for row in await self.executions(job_id, "SCHEDULED"):
            await self.claim(row, row["node_id"])
        return await self.executions(job_id, "RUNNING")

    async def run_for(self, job_id: str, time: timedelta) -> None:
        """As if all that runs had run for that much longer."""
        async with acquired(self.rig.pool) as connection:
            await connection.execute(
                "UPDATE tasks SET started_at = started_at - $2::interval"
                " WHERE job_id = $1 AND state = 'RUNNING'",
                *(job_id, time),
            )


def _heartbeat(name: str, *, leaving: bool, **description: Any) -> Heartbeat:
    fields: dict[str, Any] = {
        "engines": ["shell"],
        "capacity": {"millicpus": 4000, "memory": 2**30, "disk": 2**30},
        "max_executions": 100,
    }
    node = NodeDescription(**(fields | description))
    names = {"node_id": name, "name": name, "hostname": name}
    return heartbeat(leaving=leaving).model_copy(update={**names, "node": node})
