"""Why executions have no node, over HTTP, in the SDK and on the command line."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.lifecycle import TaskState
from shared.postgres.pool import acquired
from tests.support.http.api import Api, api_on

pytestmark = pytest.mark.real

_NODE = """
INSERT INTO nodes (id, name, hostname, port, version, queue, status, started_at, last_heartbeat_at,
                   lease, labels, engines, capacity, max_executions)
VALUES ($1, $1, $1, 1, '1', 'default', 'UP', now(), now(), '30s', $2, '{shell}',
        '{"millicpus": 8000, "memory": 1073741824, "disk": 1073741824}', 10)
"""
_WAITS = (
    "UPDATE tasks SET state = 'PENDING', due_at = NULL, queue = '', placement = $2 WHERE id = $1"
)
_HOLDS = """
UPDATE tasks SET resources = '{"millicpus": 4500}', queue = '', placement = $2 WHERE id = $1
"""
DEMAND = {
    "engines": ["shell"],
    "constraints": [["region", "=", ["eu"]]],
    "amounts": {"millicpus": 4000},
}
JOB = "name: x\ntasks: [{name: a, run: x, placement: {count: 2}}]"


def rules(demand: dict[str, Any], type_: str = "batch") -> dict[str, Any]:
    return {
        "type": type_,
        "priority": 0,
        "max_unavailable": 1,
        "healthy_after": 10.0,
        "demand": demand,
    }


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        async with acquired(running.pool) as connection:
            for name, region in (("busy", "eu"), ("far1", "us"), ("far2", "us")):
                await connection.execute(_NODE, name, {"region": region})
        yield running


async def test_each_node_says_why_an_execution_can_not_have_it(api: Api) -> None:
    other = (await api.submit("name: o\ntasks: [{name: b}]"))["id"]
    await api.add_task(
        other,
        {"name": "b"},
        id="held",
        state=TaskState.RUNNING,
        node_id="busy",
        lease_expires_at=datetime.now(UTC),
    )
    job_id = (await api.submit(JOB))["id"]
    await api.set_job(job_id, state="SCHEDULED", position=1)
    due = {"state": TaskState.PENDING, "due_at": datetime.now(UTC)}
    await api.add_task(job_id, {"name": "a"}, id="e0", **due)
    async with acquired(api.pool) as connection:
        await connection.execute(_HOLDS, "held", rules({}))
        await connection.execute(_WAITS, "e0", rules(DEMAND))
    message = "1 node: 3.5 of 8 CPUs free, 4 wanted; 2 nodes: label region is 'us', must be = eu"
    [group] = (await api.get(f"/jobs/{job_id}/placement"))["waiting"]
    far = ["label region is 'us', must be = eu"]
    assert group == {
        "name": "a",
        "taskIds": ["e0"],
        "message": message,
        "nodes": [
            {"id": "busy", "name": "busy", "reasons": ["3.5 of 8 CPUs free, 4 wanted"]},
            {"id": "far1", "name": "far1", "reasons": far},
            {"id": "far2", "name": "far2", "reasons": far},
        ],
    }
    job = await api.get(f"/jobs/{job_id}")
    assert job["waiting"]["reason"] == "placement"
    assert job["waiting"]["message"] == message
    task = await api.get("/tasks/e0")
    assert task["waiting"] == {"reason": "placement", "message": message}
