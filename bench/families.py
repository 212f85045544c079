"""(e) `each` over more and more items: time and memory must grow with the items and no faster.

At the end, what it takes to read the largest of these jobs as a whole.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

import aiohttp

from bench.client import Client, Json
from bench.run import Run, spread
from bench.services import COORDINATOR, opened_services
from bench.table import Table
from bench.usage import cpu_seconds, peak_megabytes
from tests.support.services.cluster import Service

SIZES, QUICK_SIZES = (100, 1_000, 10_000), (100, 1_000)
_READS = 10
_SLOTS = {"CONVEYOR_RUNTIME_TYPE": "shell", "CONVEYOR_WORKER_QUEUES": "default:16"}


@dataclass(frozen=True, slots=True)
class _Measured:
    """Of one job with `size` children. `peak` is the coordinator's most memory so far."""

    size: int
    seconds: float
    cpu_seconds: float
    peak: float


async def measure(run: Run) -> Table:
    sizes = QUICK_SIZES if run.quick else SIZES
    async with opened_services(run.ground, _SLOTS, run.profile) as services:
        coordinator = services[COORDINATOR]
        async with Client(run.ground, coordinator, services.values()) as client:
            await client.run([_each(100)])
            measured = [await _run(client, services, size) for size in sizes]
            [job_id] = await client.submit_all([_each(sizes[-1])])
            await client.last_end([job_id])
        reads, megabytes = await _reads(coordinator, job_id)
        after = peak_megabytes(coordinator)
    read = spread([second * 1000 for second in reads], ".0f")
    return Table(
        "(e) one job, `each` over many items, shell runtime, one worker with 16 slots",
        ("children", "seconds", "ms a child", "coordinator CPU ms a child", "peak memory MB"),
        [_row(one) for one in measured],
        (
            f"exponent of growth from {measured[0].size} to {measured[-1].size} children: "
            f"time {_exponent(measured, _seconds):.2f}, coordinator's CPU time "
            f"{_exponent(measured, _cpu_seconds):.2f} (1 is linear)",
            f"GET /jobs/ID with {sizes[-1]} children, {megabytes:.1f} MB: {read} ms, "
            f"coordinator's peak memory then {after:.0f} MB",
        ),
    )


async def _run(client: Client, services: dict[str, Service], size: int) -> _Measured:
    coordinator = services[COORDINATOR]
    before = cpu_seconds([coordinator])[coordinator.name]
    seconds = await client.run([_each(size)])
    used = cpu_seconds([coordinator])[coordinator.name] - before
    return _Measured(size, seconds, used, peak_megabytes(coordinator))


async def _reads(coordinator: Service, job_id: str) -> tuple[list[float], float]:
    """Seconds for each read of the whole job, and its size."""
    seconds: list[float] = []
    async with aiohttp.ClientSession() as session:
        for _ in range(_READS):
            began = time.perf_counter()
            async with session.get(f"{coordinator.url}/jobs/{job_id}") as response:
                body = await response.read()
            seconds.append(time.perf_counter() - began)
    return seconds, len(body) / 1e6


def _each(size: int) -> Json:
    child = {"name": "child {{ item.index }}", "run": "true", "env": {"N": "{{ item.value }}"}}
    each = {"list": f"{{{{ sequence(0, {size}) }}}}", "task": child}
    return {"name": "bench", "tasks": [{"name": "all", "each": each}]}


def _row(one: _Measured) -> tuple[str, ...]:
    return (
        f"{one.size}",
        f"{one.seconds:.2f}",
        f"{one.seconds / one.size * 1000:.2f}",
        f"{one.cpu_seconds / one.size * 1000:.2f}",
        f"{one.peak:.0f}",
    )


def _seconds(one: _Measured) -> float:
    return one.seconds


def _cpu_seconds(one: _Measured) -> float:
    return one.cpu_seconds


def _exponent(measured: Sequence[_Measured], taken: Callable[[_Measured], float]) -> float:
    """The greatest between neighbours: 1 when twice the children take twice as much."""
    return max(
        log(taken(more) / taken(less)) / log(more.size / less.size)
        for less, more in pairwise(measured)
    )
