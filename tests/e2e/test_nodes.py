"""Administrators act on workers that are real processes: what they say is kept to, also after a
restart, and nothing runs twice."""

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.eventually import eventually
from tests.support.services.cluster import Api, Cluster, Service

pytestmark = pytest.mark.real

QUICK = {"CONVEYOR_WORKER_HEARTBEAT_SECONDS": "0.5", "CONVEYOR_WORKER_LEASE_SECONDS": "4"}
LISTED = {"name": "t", "run": "sleep 0.05"}


def worker(cluster: Cluster, name: str, **settings: str) -> Service:
    return cluster.start("worker", {**QUICK, "CONVEYOR_WORKER_NAME": name, **settings})


async def started(
    cluster: Cluster, session: aiohttp.ClientSession, *names: str, **settings: str
) -> tuple[Api, Mapping[str, Service]]:
    coordinator = cluster.start("coordinator")
    cluster.start("scheduler", settings)
    workers = {name: worker(cluster, name, **settings) for name in names}
    await cluster.wait_up()
    api = Api(session, coordinator.url)

    async def all_are_heard() -> bool:
        return {node["name"] for node in await api.get("/nodes?status=UP")} == set(names)

    await eventually(all_are_heard)
    return api, workers


async def names_of(api: Api, job: Mapping[str, Any]) -> set[str]:
    """The workers that ran its tasks."""
    names = {node["id"]: node["name"] for node in await api.get("/nodes")}
    return {names[task["nodeId"]] for task in job["execution"]}


async def test_a_cordoned_worker_takes_no_task_also_when_it_is_restarted(
    cluster: Cluster, session: aiohttp.ClientSession
) -> None:
    api, workers = await started(cluster, session, "w1", "w2")
    many = {"name": "many", "tasks": [LISTED] * 20}
    await api.put("/nodes/w1/cordon")
    assert await names_of(api, await api.final((await api.submit(many))["id"])) == {"w2"}
    # When it is killed, and one of its name starts while tasks wait
    workers["w1"].kill()
    workers["w2"].stop()
    waiting = await api.submit(many)
    again = worker(cluster, "w1")
    await again.wait_up(session)

    async def is_heard() -> bool:
        status: str = (await api.get("/nodes/w1"))["status"]
        return status == "UP"

    await eventually(is_heard)
    # Then it is cordoned still, until it is told otherwise
    node = await api.get("/nodes/w1")
    assert (node["availability"], node["taskCount"]) == ("cordoned", 0)
    assert (await api.get(f"/jobs/{waiting['id']}"))["state"] == "SCHEDULED"
    await api.put("/nodes/w1/uncordon")
    assert await names_of(api, await api.final(waiting["id"])) == {"w1"}


async def test_a_worker_on_which_several_jobs_fail_is_on_hold_while_another_does_the_work(
    cluster: Cluster, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    # Given a worker on a machine that fails what runs there
    bad = tmp_path / "bad"
    bad.touch()
    script = f"[ $WORKER != w1 ] || [ ! -e {bad} ] || exit 111"
    retry = {"limit": 5, "initialDelay": "100ms", "on": [111]}
    job = {"name": "j", "tasks": [{"name": "t", "run": script, "retry": retry}]}
    hold = {
        "CONVEYOR_WORKER_HOST_ENV": "CONVEYOR_WORKER_NAME:WORKER",
        "CONVEYOR_WORKER_NODE_HOLD_JOBS": "2",
        "CONVEYOR_WORKER_NODE_HOLD_SECONDS": "3600",
        "CONVEYOR_WORKER_NODE_HOLD_MAX_SECONDS": "3600",
    }
    api, _ = await started(cluster, session, "w1", **hold)
    # When attempts of two jobs have failed there
    jobs = [await api.submit(job), await api.submit(job)]

    async def is_held() -> bool:
        return "heldUntil" in await api.get("/nodes/w1")

    await eventually(is_held)
    # Then another worker runs them, and all that comes
    other = worker(cluster, "w2", **hold)
    finals = [await api.final(job["id"]) for job in jobs]
    assert [final["state"] for final in finals] == ["COMPLETED"] * 2
    many = {"name": "many", "tasks": [LISTED] * 10}
    assert await names_of(api, await api.final((await api.submit(many))["id"])) == {"w2"}
    # And when the machine is mended, and its hold ended, it does
    bad.unlink()
    await api.put("/nodes/w1/uncordon")
    other.stop()
    assert await names_of(api, await api.final((await api.submit(job))["id"])) == {"w1"}


async def test_a_worker_waits_for_approval_and_what_a_rejected_one_runs_goes_elsewhere(
    cluster: Cluster, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    # Given two workers that wait for approval
    manual = {"CONVEYOR_NODES_MANUAL_APPROVAL": "true"}
    api, _ = await started(cluster, session, "w1", "w2", **manual)
    assert {n["membership"] for n in await api.get("/nodes")} == {"PENDING"}
    starts, gate = tmp_path / "starts", tmp_path / "gate"
    script = f"echo $$ >> {starts}; until [ -e {gate} ]; do sleep 0.05; done; echo end >> {starts}"
    job = await api.submit({"name": "held", "tasks": [{"name": "t", "run": script}]})
    # When one is approved, it runs what waits
    await api.put("/nodes/w1/approve")
    await api.job_when(job["id"], lambda job: job["state"] == "RUNNING")
    await eventually(starts.exists)
    [task] = (await api.get("/nodes/w1"))["tasks"]
    assert (task["name"], task["isExecution"]) == ("t", False)
    assert (await api.get("/nodes/w2"))["tasks"] == []
    # When it is rejected and the other approved, the task moves there, without a retry spent
    await api.put("/nodes/w2/approve")
    await api.put("/nodes/w1/reject")

    async def has_moved() -> bool:
        return len(starts.read_text().split()) == 2

    await eventually(has_moved)
    gate.touch()
    final = await api.final(job["id"])
    assert (final["state"], await names_of(api, final)) == ("COMPLETED", {"w2"})
    assert starts.read_text().split()[2:] == ["end"]
    assert len(final["execution"]) == 1
    assert (await api.get("/nodes/w1"))["tasks"] == []


SERVING = """
exec 9>{folder}/lock-$CONVEYOR_PARTITION_INDEX
flock -n 9 || echo doubled >> {folder}/log
echo "$CONVEYOR_PARTITION_INDEX" >> {folder}/log
sleep 1000
"""
"""The lock of a partition is held by its process alone, however that ends."""


def kept_running(folder: Path, count: int) -> dict[str, Any]:
    task = {"name": "serve", "run": SERVING.format(folder=folder)}
    placement = {"type": "service", "count": count}
    beside = {"name": "beside", "run": "sleep 1000"}  # from a queue
    return {"name": "service", "tasks": [task | {"placement": placement}, beside]}


class Nodes:
    """What runs where."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def counts(self) -> dict[str, int]:
        """Of each worker that is up, how many executions run there."""
        up = [node["name"] for node in await self.api.get("/nodes?status=UP")]
        nodes = [await self.api.get(f"/nodes/{name}") for name in up]
        return {
            node["name"]: sum(
                task["isExecution"] and task["state"] == "RUNNING" for task in node["tasks"]
            )
            for node in nodes
        }

    async def until(self, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
        found: dict[str, int] = {}

        async def holds() -> bool:
            nonlocal found
            found = await self.counts()
            return condition(found)

        await eventually(holds)
        return found


async def test_a_drained_worker_and_a_killed_one_give_all_away_and_nothing_runs_twice(
    cluster: Cluster, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    # Given a service on three workers
    api, workers = await started(cluster, session, "w1", "w2", "w3")
    nodes, log = Nodes(api), tmp_path / "log"
    job = await api.submit(kept_running(tmp_path, 6))
    counts = await nodes.until(lambda found: sum(found.values()) == 6)
    assert all(counts.values()), counts
    # When one is drained
    await api.put("/nodes/w1/drain")
    await nodes.until(lambda found: sum(found.values()) == 6 and not found["w1"])
    # And another killed with all that runs there
    workers["w2"].kill()
    await nodes.until(lambda found: found == {"w1": 0, "w3": 6})
    # Then each has moved, and no two of a partition ran at a time
    lines = log.read_text().split()
    assert "doubled" not in lines
    # When the drained one is restarted under its name, it is drained still, until it is told
    assert workers["w1"].stop() == 0
    again = worker(cluster, "w1")
    await again.wait_up(session)
    here = {"type": "batch", "constraints": ["name = w1"]}
    task = {"name": "here", "run": "true", "placement": here}
    waiting = await api.submit({"name": "here", "tasks": [task]})
    await nodes.until(lambda found: found == {"w1": 0, "w3": 6})
    assert (await api.get(f"/jobs/{waiting['id']}"))["state"] in ("SCHEDULED", "RUNNING")
    await api.put("/nodes/w1/uncordon")
    assert (await api.final(waiting["id"]))["state"] == "COMPLETED"
    await api.put(f"/jobs/{job['id']}/cancel")
    await nodes.until(lambda found: not sum(found.values()))
    assert "doubled" not in log.read_text()


async def test_what_a_dead_worker_has_not_taken_from_its_queue_runs_elsewhere(
    cluster: Cluster, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    # Given a worker that is frozen, so that what is placed there lies in its queue
    api, workers = await started(cluster, session, "w1")
    workers["w1"].send(signal.SIGSTOP)
    task = {"name": "t", "run": f"echo x >> {tmp_path}/ran", "placement": {"type": "batch"}}
    job = await api.submit({"name": "placed", "tasks": [task]})

    async def is_placed() -> bool:
        return bool((await api.get("/nodes/w1"))["tasks"])

    await eventually(is_placed)
    # When it dies and another one is there
    workers["w1"].kill()
    await worker(cluster, "w2").wait_up(session)
    # Then it runs there, once
    assert (await api.final(job["id"]))["state"] == "COMPLETED"
    assert (tmp_path / "ran").read_text() == "x\n"
