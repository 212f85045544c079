"""Services with a worker to kill, freeze and cut off, and tasks whose death can be seen."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.processes import is_alive, pids_in
from tests.support.services.cluster import Api, Cluster, Service

LEASE_SECONDS = 10.0
MEMBERS = 5
_QUICK = {
    "CONVEYOR_WORKER_LEASE_SECONDS": str(LEASE_SECONDS),
    "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "0.5",
}


def family(pids: Path) -> str:
    """A script with processes of all kinds, MEMBERS in all, whose numbers it writes to `pids`."""
    return (
        f"sleep 1000 & echo $! >> {pids}; "
        f"setsid sleep 1000 & echo $! >> {pids}; "
        f"env -i sleep 1000 & echo $! >> {pids}; "
        f"(trap '' TERM; sleep 1000) & echo $! >> {pids}; "
        f"echo $$ >> {pids}; wait"
    )


@dataclass
class Scene:
    """A coordinator, a scheduler and a worker."""

    api: Api
    cluster: Cluster
    worker: Service
    pids: Path

    async def submit_family(self) -> list[int]:
        """Run a task with processes of all kinds; their numbers."""
        await self.submit({"name": "family", "run": family(self.pids)})
        return await pids_in(self.pids, MEMBERS)

    async def submit(self, task: dict[str, Any]) -> str:
        """A job with this task, once it runs."""
        job = await self.api.submit({"name": "watched", "tasks": [task]})
        await self.api.job_when(job["id"], lambda job: job["state"] == "RUNNING")
        return str(job["id"])

    def watchdogs(self) -> list[int]:
        """The processes the worker has started as such, the last one last."""
        lines = [json.loads(line) for line in self.worker.log.read_text().splitlines()]
        return [int(line["pid"]) for line in lines if line["event"] == "watchdog_started"]


Start = Callable[..., Awaitable[Scene]]


@contextlib.asynccontextmanager
async def stage(amqp_url: str, dsn: str, directory: Path) -> AsyncIterator[Start]:
    """What sets a scene, once, with settings for its worker."""
    cluster = Cluster(amqp_url, dsn, directory)
    pids = directory / "pids"
    async with aiohttp.ClientSession() as session:

        async def start(**settings: str) -> Scene:
            coordinator = cluster.start("coordinator")
            cluster.start("scheduler", CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS=str(LEASE_SECONDS))
            worker = cluster.start("worker", _QUICK | settings)
            await cluster.wait_up()
            return Scene(Api(session, coordinator.url), cluster, worker, pids)

        try:
            yield start
        finally:
            for service in cluster.services:  # one that is frozen can't be told to stop
                if service.process.poll() is None:
                    service.send(signal.SIGCONT)
            await asyncio.to_thread(cluster.close)
            _end_rest(pids)


def all_dead(pids: list[int]) -> Callable[[], bool]:
    return lambda: not any(map(is_alive, pids))


def _end_rest(pids: Path) -> None:
    """Whatever a test finds, no process stays behind."""
    for pid in map(int, pids.read_text().split() if pids.exists() else ()):
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
