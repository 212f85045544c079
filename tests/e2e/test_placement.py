"""Placed jobs on workers that are real processes: three of them, with different labels."""

import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from tests.support.eventually import eventually
from tests.support.services.cluster import Api, Cluster, Service

pytestmark = pytest.mark.real

QUICK = {"CONVEYOR_WORKER_HEARTBEAT_SECONDS": "0.5", "CONVEYOR_WORKER_LEASE_SECONDS": "4"}
IN_EU = [{"key": "region", "operator": "=", "values": ["eu"]}]
SERVE = "exec sleep 1000"


def worker(cluster: Cluster, name: str, labels: str) -> Service:
    named = {"CONVEYOR_WORKER_NAME": name, "CONVEYOR_WORKER_LABELS": labels}
    return cluster.start("worker", {**QUICK, **named})


def job(run: str, **placement: Any) -> dict[str, Any]:
    return {"name": "p", "tasks": [{"name": "t", "run": run, "placement": placement}]}


class Placed:
    """Where the executions of jobs are."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def nodes_of(self, found: Mapping[str, Any], *states: str) -> list[str]:
        names = {node["id"]: node["name"] for node in await self._api.get("/nodes")}
        tasks = [task for task in found["execution"] if task.get("nodeId")]
        return sorted(names[t["nodeId"]] for t in tasks if t["state"] in (states or ("COMPLETED",)))

    async def until_on(self, job_id: str, *names: str) -> float:
        """Wait until its executions run on these workers, and say for how long."""
        began = time.monotonic()

        async def are_there() -> bool:
            found = await self._api.get(f"/jobs/{job_id}")
            return await self.nodes_of(found, "RUNNING") == sorted(names)

        await eventually(are_there)
        return time.monotonic() - began


async def test_jobs_run_on_the_nodes_that_match_and_follow_them_as_they_come_and_go(
    cluster: Cluster, session: aiohttp.ClientSession
) -> None:
    coordinator = cluster.start("coordinator")
    cluster.start("scheduler", {"CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS": "5"})
    workers = {
        "eu1": worker(cluster, "eu1", "region=eu,tier=a"),
        "us1": worker(cluster, "us1", "region=us,tier=b"),
    }
    await cluster.wait_up()
    api = Api(session, coordinator.url)
    placed = Placed(api)

    async def are_heard(*names: str) -> bool:
        return {node["name"] for node in await api.get("/nodes?status=UP")} >= set(names)

    await eventually(lambda: are_heard("eu1", "us1"))
    # Given a daemon for Europe, a service that two nodes can run, and one that none can
    daemon = await api.submit(job(SERVE, type="daemon", constraints=IN_EU))
    await placed.until_on(daemon["id"], "eu1")
    likes_us = [{"constraints": [{"key": "region", "operator": "=", "values": ["us"]}]}]
    service = await api.submit(job(SERVE, type="service", prefer=likes_us))
    await placed.until_on(service["id"], "us1")
    in_tier_c = [{"key": "tier", "operator": "in", "values": ["c"]}]
    queued = await api.submit(job("true", constraints=in_tier_c))
    waiting = (await api.get(f"/jobs/{queued['id']}"))["waiting"]
    assert waiting["reason"] == "placement"
    assert waiting["message"] == "2 nodes: label tier is 'a' or 'b', must be in c"
    # When a third node joins, the daemon is on it, and what waited for it has run
    worker(cluster, "eu2", "region=eu,tier=c")
    await eventually(lambda: are_heard("eu2"))
    assert await placed.until_on(daemon["id"], "eu1", "eu2") < 5
    assert await placed.nodes_of(await api.final(queued["id"])) == ["eu2"]
    # Then an ops job runs once on each of the two
    ops = await api.final((await api.submit(job("true", type="ops", constraints=IN_EU)))["id"])
    assert (ops["state"], await placed.nodes_of(ops)) == ("COMPLETED", ["eu1", "eu2"])
    # When the node of the service is killed, it goes on elsewhere
    workers["us1"].kill()

    async def has_moved() -> bool:
        found = await api.get(f"/jobs/{service['id']}")
        return await placed.nodes_of(found, "RUNNING") in (["eu1"], ["eu2"])

    await eventually(has_moved)
    assert (await api.get(f"/jobs/{service['id']}"))["state"] == "RUNNING"
