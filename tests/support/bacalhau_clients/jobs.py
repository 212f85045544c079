"""Jobs of Bacalhau on a door that only writes, and what would have become of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from shared.lifecycle import PlacementRules, PlacementType, Task, TaskKind, TaskState
from shared.postgres.pool import acquired
from shared.store.writing import Writes, write
from tests.support.http.api import Api, task_row

JOBS = "/api/v1/orchestrator/jobs"
Json = dict[str, Any]
BEGIN = """
UPDATE jobs SET state = 'RUNNING', started_at = now() WHERE id = $1 AND state = 'PENDING'
"""
_NOW = object()
_OF_STATE: Mapping[str, Json] = {
    "PENDING": {"node_id": None, "started_at": None},
    "SCHEDULED": {"started_at": None},
    "RUNNING": {"lease_expires_at": _NOW},
    "COMPLETED": {"completed_at": _NOW},
    "FAILED": {"failed_at": _NOW, "error": "it broke"},
}


def batch_job(name: str = "", **fields: Any) -> Json:
    docker = {"Type": "docker", "Params": {"Image": "alpine:3", "Parameters": ["echo", "hello"]}}
    task = {"Name": "main", "Engine": docker, **fields.pop("task", {})}
    named = {"Name": name} if name else {}
    return {"Type": "batch", "Tasks": [task], **named, **fields}


async def put(api: Api, job: Json, *, headers: Mapping[str, str] | None = None, **more: Any) -> str:
    """The id of the job, which must be accepted, as Bacalhau shows it."""
    body = {"Job": job, **more}
    status, answer = await api.answer("PUT", JOBS, json=body, headers=headers)
    assert status == 200, answer
    return str(answer["JobID"])


def own_id(shown: str) -> str:
    """Ours, of one that Bacalhau shows."""
    return UUID(shown[2:]).hex


async def add_execution(api: Api, job_id: str, state: str, index: int = 0, **fields: Any) -> Task:
    """One more execution of the job."""
    now = datetime.now(UTC)
    given: Json = {
        "scheduled_at": now,
        "started_at": now,
        "node_id": "n1",
        **_OF_STATE.get(state, {}),
    }
    times = {name: now for name, value in given.items() if value is _NOW}
    fields = {"id": uuid4().hex, "child_index": index, **given, **times, **fields}
    placed = task_row(own_id(job_id), {"name": "main"}, id=uuid4().hex, state=TaskState.CREATED)
    execution = task_row(
        own_id(job_id), {"name": "main"}, state=TaskState(state), parent_id=placed.id, **fields
    )
    rules = PlacementRules(type=PlacementType.BATCH)
    rows = [
        replace(placed, plan=replace(placed.plan, kind=TaskKind.PLACED, placement=rules)),
        replace(execution, plan=replace(execution.plan, placement=rules)),
    ]
    async with acquired(api.pool) as connection:
        await connection.execute(BEGIN, own_id(job_id))
        await write(connection, Writes(new_tasks=rows))
    return rows[1]


async def happens(api: Api, job_id: str, state: str, task: Task | None = None) -> None:
    """As the feed tells it, in a transaction of its own."""
    change: Json = {"job_id": own_id(job_id), "version": 1, "state": state, "at": datetime.now(UTC)}
    if task is not None:
        change |= {"task_id": task.id, "parent_id": task.parent_id, "node_id": task.node_id}
        change |= {"error": task.error if state == "FAILED" else None}
    async with acquired(api.pool) as connection:
        await connection.execute(
            "INSERT INTO job_events (job_id, changes) VALUES ($1, $2)",
            own_id(job_id),
            [{**change, "at": change["at"].isoformat()}],
        )
