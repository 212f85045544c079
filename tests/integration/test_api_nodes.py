"""Workers over HTTP: what they are, what holds them, and what administrators say of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conveyor import AsyncClient, Rejected
from services.coordinator.store.node_details import tasks_of_node
from shared.lifecycle import TaskState
from shared.messages import Orders, PlacementDue, decode
from shared.messages.queues import PLACEMENT, node_queue
from shared.postgres.pool import acquired
from shared.store.node_rows import read_nodes
from tests.support.http.api import Api, api_on

pytestmark = pytest.mark.real

GIB = 1024**3

ADD = """
INSERT INTO nodes (id, name, hostname, port, version, queue, status, started_at, last_heartbeat_at,
                   cpu_percent, lease, labels, engines, storages, publishers, capacity, gpus,
                   max_executions)
VALUES ($1, $2, 'host', 8001, '0.1', 'default:4', $3, now(), now() - $4::interval, 50, '30s', $5,
        '{docker,shell}', '{s3,url}', '{s3}',
        '{"millicpus": 4000, "memory": 8589934592, "disk": 100, "gpus": 2}',
        '[{"index": "0", "name": "Tesla T4", "memory": 5}]', 100)
"""


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def add_node(
    api: Api,
    node_id: str,
    name: str = "w1",
    *,
    status: str = "UP",
    minutes: int = 0,
    **labels: str,
) -> None:
    async with acquired(api.pool) as connection:
        await connection.execute(ADD, node_id, name, status, timedelta(minutes=minutes), labels)


async def act(api: Api, node: str, act: str, **body: Any) -> tuple[int, dict[str, Any]]:
    return await api.answer("PUT", f"/nodes/{node}/{act}", json=body or None)


async def names(api: Api, query: str) -> list[str]:
    return [node["name"] for node in await api.get(f"/nodes?{query}")]


async def add_tasks(api: Api, node_id: str) -> str:
    """One of a queue that runs on it, one that is placed there, and one of another; their job."""
    job = await api.submit("name: x\ntasks: [{name: a}]")
    now = datetime.now(UTC)
    for name, running in [("queued", True), ("placed", False), ("other", False)]:
        state = TaskState.RUNNING if running else TaskState.SCHEDULED
        lease = {"node_id": node_id, "lease_expires_at": now} if running else {}
        await api.add_task(job["id"], {"name": name}, id=name, state=state, **lease)
    await api.pool.execute(
        "UPDATE tasks SET resources = $1 WHERE id = 'queued'", {"millicpus": 1000, "memory": GIB}
    )
    await api.pool.execute(
        "UPDATE tasks SET resources = $1, placement = '{}', node_id = $2, queue = ''"
        " WHERE id = 'placed'",
        {"gpus": 1},
        node_id,
    )
    return str(job["id"])


async def test_a_worker_is_shown_with_what_it_has_and_what_holds_it(api: Api) -> None:
    await add_node(api, "n1", region="eu")
    job_id = await add_tasks(api, "n1")
    [listed] = await api.get("/nodes")
    for when in ("startedAt", "lastHeartbeatAt"):
        assert listed.pop(when)
    # Tork's fields are as they were
    assert {name: listed.pop(name) for name in TORKS} == TORKS
    assert listed == {
        "membership": "APPROVED",
        "availability": "active",
        "labels": {"region": "eu"},
        "engines": ["docker", "shell"],
        "storages": ["s3", "url"],
        "publishers": ["s3"],
        "gpus": [{"index": "0", "name": "Tesla T4", "memory": 5}],
        "capacity": {"cpus": 4.0, "memory": 8 * GIB, "disk": 100, "gpus": 2},
        "free": {"cpus": 3.0, "memory": 7 * GIB, "disk": 100, "gpus": 1},
        "executions": 1,
        "maxExecutions": 100,
    }
    shown = await api.get("/nodes/w1")
    assert shown.items() >= listed.items()
    nothing = {"cpus": 0.0, "memory": 0, "disk": 0, "gpus": 0}
    queued, placed = sorted(shown["tasks"], key=lambda task: str(task["name"]), reverse=True)
    assert queued == {
        "id": "queued",
        "jobId": job_id,
        "name": "queued",
        "state": "RUNNING",
        "isExecution": False,
        "held": nothing | {"cpus": 1.0, "memory": GIB},
    }
    assert (placed["state"], placed["isExecution"]) == ("SCHEDULED", True)
    assert placed["held"] == nothing | {"gpus": 1}
    # Of jobs that a reader may not see, nothing is told
    await api.pool.execute("UPDATE jobs SET readers = '{user:ann}'")
    async with acquired(api.pool) as connection:
        assert len(await tasks_of_node(connection, "n1", ["user:ann"])) == 2
        assert await tasks_of_node(connection, "n1", ["user:bob"]) == []


TORKS = {
    "id": "n1",
    "name": "w1",
    "cpuPercent": 50.0,
    "queue": "default:4",
    "status": "UP",
    "hostname": "host",
    "port": 8001,
    "taskCount": 0,
    "version": "0.1",
}


async def test_workers_are_found_by_labels_membership_availability_and_status(api: Api) -> None:
    await add_node(api, "n1", "w1", region="eu", cores="8")
    await add_node(api, "n2", "w2", region="us", cores="4")
    await add_node(api, "n3", "w3", status="OFFLINE", minutes=6)
    await act(api, "w2", "reject")
    await act(api, "w1", "cordon")
    for query, found in [
        ("", ["w1", "w2"]),
        ("status=OFFLINE", ["w3"]),
        ("labels=region%3Deu", ["w1"]),
        ("labels=region+in+(eu,us),cores>4", ["w1"]),
        ("labels=!region&status=OFFLINE", ["w3"]),
        ("membership=REJECTED", ["w2"]),
        ("membership=APPROVED", ["w1"]),
        ("availability=cordoned", ["w1"]),
    ]:
        assert await names(api, query) == found, query
    for query, name in [("labels=a+b", "labels"), ("membership=x", "membership")]:
        status, answer = await api.answer("GET", f"/nodes?{query}")
        assert (status, answer["message"].startswith(f"{name}: ")) == (400, True)


async def test_a_worker_is_named_by_its_id_the_beginning_of_its_id_or_its_name(api: Api) -> None:
    await add_node(api, "abc1", "w1", status="OFFLINE")
    await add_node(api, "abc2", "w1")
    await add_node(api, "abd3", "w2")
    for text, node_id in [("abc1", "abc1"), ("abd", "abd3"), ("w1", "abc2"), ("w2", "abd3")]:
        assert (await api.get(f"/nodes/{text}"))["id"] == node_id
    assert await api.answer("GET", "/nodes/x") == (404, {"message": "no such worker"})
    assert await act(api, "x", "drain") == (404, {"message": "no such worker"})
    assert await api.answer("GET", "/nodes/abc") == (
        409,
        {"message": "abc is the beginning of 2 ids: use the name or the whole id"},
    )


async def test_what_is_said_of_a_worker_is_kept_told_and_refused_where_it_is_so_already(
    api: Api,
) -> None:
    await add_node(api, "n1")
    await add_node(api, "gone", status="OFFLINE")
    queue = node_queue("n1")
    async with api.broker.consume(queue, prefetch=9) as orders:
        for action, membership, availability, told, refusal in [
            ("cordon", "APPROVED", "cordoned", "cordoned", "cordoned"),
            ("drain", "APPROVED", "draining", "draining", "draining"),
            ("uncordon", "APPROVED", "active", "active", "active"),
            ("reject", "REJECTED", "active", "rejected", "rejected"),
            ("drain", "REJECTED", "draining", "rejected", "draining"),
            ("approve", "APPROVED", "draining", "draining", "approved"),
        ]:
            status, node = await act(api, "w1", action, message=f"to {action}")
            assert status == 200, node
            assert (node["membership"], node["availability"]) == (membership, availability)
            assert (node["message"], node["changedBy"]) == (f"to {action}", "")
            assert node["changedAt"]
            assert node["tasks"] == []
            [delivery] = await orders.batch(1)
            await delivery.ack()
            assert decode(delivery.body) == Orders(availability=told)
            again = await act(api, "n1", action)
            assert again == (409, {"message": f"worker w1 is already {refusal}"})
    async with api.broker.consume(PLACEMENT, prefetch=1) as rounds:
        [delivery] = await rounds.batch(1)
        assert decode(delivery.body) == PlacementDue()
    status, answer = await act(api, "w1", "cordon", reason="x")
    assert (status, "reason" in answer["message"]) == (400, True)
    # It holds for whoever has the name
    assert (await api.get("/nodes/gone"))["availability"] == "draining"
    latest, *earlier = await api.get("/nodes/gone/history")
    assert (latest["event"], latest["by"], latest["message"]) == ("approved", "", "to approve")
    assert [event["event"] for event in reversed(earlier)] == [
        "cordoned",
        "draining",
        "uncordoned",
        "rejected",
        "draining",
    ]


async def test_a_worker_that_is_approved_by_default_can_not_be_approved(api: Api) -> None:
    await add_node(api, "n1")
    assert await act(api, "w1", "approve") == (409, {"message": "worker w1 is already approved"})
    assert await act(api, "w1", "uncordon") == (409, {"message": "worker w1 is already active"})
    assert "changedBy" not in await api.get("/nodes/w1")


async def test_a_worker_on_hold_is_shown_with_why_and_uncordoned_to_end_that(api: Api) -> None:
    await add_node(api, "n1")
    reason = "attempts of 5 jobs failed in a row (5 with exit code 111)"
    await api.pool.execute(
        "UPDATE nodes SET held_until = '2100-01-01T00:00:00Z', hold_reason = $1", reason
    )
    node = await api.get("/nodes/w1")
    assert (node["heldUntil"], node["holdReason"]) == ("2100-01-01T00:00:00Z", reason)
    async with acquired(api.pool) as connection:
        [found] = await read_nodes(connection)
    assert found.hold_reason == reason
    async with api.broker.consume(node_queue("n1"), prefetch=9) as orders:
        assert (await act(api, "w1", "uncordon"))[0] == 200
        [delivery] = await orders.batch(1)
        await delivery.ack()
        assert decode(delivery.body) == Orders(availability="active")
    # One that has left is on no hold
    await api.pool.execute("UPDATE nodes SET status = 'OFFLINE'")
    assert "heldUntil" not in await api.get("/nodes/w1")


async def test_the_python_client_shows_workers_and_acts_on_them(api: Api) -> None:
    await add_node(api, "n1", region="eu")
    async with AsyncClient(str(api.client.make_url(""))) as client:
        [listed] = await client.nodes.list(labels="region=eu", status="UP")
        assert (listed.name, listed.free.cpus) == ("w1", 4.0)
        assert await client.nodes.list(membership="PENDING") == []
        assert (await client.nodes.cordon("w1", "new disk")).availability == "cordoned"
        drained = await client.nodes.drain("n1")
        assert (drained.availability, drained.message, drained.tasks) == ("draining", None, [])
        assert [one.event for one in await client.nodes.history("w1")] == ["draining", "cordoned"]
        assert (await client.nodes.uncordon("w1")).availability == "active"
        assert (await client.nodes.reject("w1")).membership == "REJECTED"
        assert (await client.nodes.approve("w1")).membership == "APPROVED"
        with pytest.raises(Rejected, match="already approved"):
            await client.nodes.approve("w1")
        await api.pool.execute("UPDATE nodes SET status = 'OFFLINE'")
        await client.nodes.delete("w1")
        with pytest.raises(Rejected, match="no such worker"):
            await client.nodes.get("w1")


async def test_a_worker_is_forgotten_with_all_that_was_said_of_it_unless_it_is_up(
    api: Api,
) -> None:
    await add_node(api, "n1")
    await act(api, "w1", "cordon")
    status, answer = await api.answer("DELETE", "/nodes/w1")
    assert (status, answer["message"]) == (
        409,
        "worker w1 is up: stop it first, or reject it",
    )
    await api.pool.execute("UPDATE nodes SET status = 'OFFLINE'")
    assert await api.answer("DELETE", "/nodes/w1") == (200, {"status": "OK"})
    assert await api.answer("DELETE", "/nodes/w1") == (404, {"message": "no such worker"})
    # One that comes with the name is a new one
    await add_node(api, "n2")
    assert (await api.get("/nodes/w1"))["availability"] == "active"
