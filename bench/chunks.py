"""(m) Partitioned work with more and more chunks, beside a bare `each` of as many tasks; and how
late the event stream tells what its phases are made of."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log
from statistics import quantiles
from typing import Any

import aiohttp
import orjson

from bench.client import Client, Json
from bench.run import Run, spread
from bench.services import COORDINATOR, SCHEDULER, WORKER, Services
from bench.table import Table
from tests.support.services.cluster import Service

SIZES, QUICK_SIZES = (1_000, 10_000), (100, 1_000)
_SMALL_JOBS, _QUICK_SMALL_JOBS = 60, 20
_PATIENCE_SECONDS = 600
_STAGES = ("partition", "app", "assemble")


@dataclass(frozen=True, slots=True)
class _Measured:
    size: int
    bare_seconds: float
    seconds: float

    @property
    def cells(self) -> tuple[str, ...]:
        bare, chunk = (each / self.size * 1000 for each in (self.bare_seconds, self.seconds))
        ratio = self.seconds / self.bare_seconds
        return f"{self.size}", f"{self.seconds:.2f}", f"{chunk:.2f}", f"{bare:.2f}", f"{ratio:.2f}"


async def measure(run: Run) -> Table:
    store = {"CONVEYOR_FILES_STORE": str(run.ground.folder / "chunk-files")}
    own = {
        "CONVEYOR_RUNTIME_TYPE": "shell",
        "CONVEYOR_WORKER_QUEUES": "default:16",
        "CONVEYOR_FILES_CACHE_DIR": str(run.ground.folder / "chunk-cache"),
    }
    services = Services(run.ground, run.profile)
    sizes = QUICK_SIZES if run.quick else SIZES
    try:
        coordinator = await services.start(COORDINATOR, store)
        await services.start(SCHEDULER, store)
        worker = await services.start(WORKER, store | own)
        async with Client(run.ground, coordinator, services.running) as client:
            await client.run([_bare(100), _partitioned(100)])
            measured = [await _measured(client, size) for size in sizes]
            await services.stop(worker)
            await services.start(WORKER, store | own, gives_way=True)
            count = _QUICK_SMALL_JOBS if run.quick else _SMALL_JOBS
            delays = await _delays(client, coordinator, count)
    finally:
        await services.stop_all()
    return Table(
        "(m) one partitioned task, empty chunks, shell runtime, one worker with 16 slots",
        ("chunks", "seconds", "ms a chunk", "ms a task of a bare `each`", "ratio"),
        [one.cells for one in measured],
        (
            f"exponent of growth from {sizes[0]} to {sizes[-1]} chunks: "
            f"{_exponent(measured[0], measured[-1]):.2f} (1 is linear)",
            f"events of stages that begin or end, after the change, of {count} jobs with 10 chunks "
            f"one after the other, while the worker gives way: {spread(delays)} ms, "
            f"p99 {quantiles(delays, n=100)[98]:.0f} ms",
        ),
    )


async def _measured(client: Client, size: int) -> _Measured:
    bare = await client.run([_bare(size)])
    return _Measured(size, bare, await client.run([_partitioned(size)]))


async def _delays(client: Client, coordinator: Service, count: int) -> list[float]:
    """Milliseconds from each change of a stage to its event."""
    found, wanted, is_open, is_done = list[float](), count * 6, asyncio.Event(), asyncio.Event()

    async def read() -> None:
        url = f"{coordinator.url}/events?types=task"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            async for line in response.content:
                is_open.set()
                if line.startswith(b"data: ") and _is_of_stage(event := orjson.loads(line[6:])):
                    changed = datetime.fromisoformat(event["at"])
                    found.append((datetime.now(UTC) - changed).total_seconds() * 1000)
                    if len(found) >= wanted:
                        is_done.set()

    reading = asyncio.create_task(read())
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await is_open.wait()
            for _ in range(count):
                await client.run([_partitioned(10)])
            await is_done.wait()
    finally:
        reading.cancel()
        await asyncio.wait([reading])
    return found


def _is_of_stage(event: dict[str, Any]) -> bool:
    return event.get("name") in _STAGES and event.get("state") in ("RUNNING", "COMPLETED")


def _bare(size: int) -> Json:
    each = {"list": f"{{{{ sequence(0, {size}) }}}}", "task": {"run": "true"}}
    return {"name": "bench", "tasks": [{"name": "all", "each": each}]}


def _partitioned(size: int) -> Json:
    stages = {
        "split": {"builtin": "replicate", "params": {"count": size}},
        "task": {"run": "true"},
        "assemble": {"builtin": "passthrough"},
    }
    return {"name": "bench", "tasks": [{"name": "all", "partition": stages}]}


def _exponent(less: _Measured, more: _Measured) -> float:
    return log(more.seconds / less.seconds) / log(more.size / less.size)
