"""(b) Draining many one-task jobs: jobs a second, and the CPU time each process takes for one."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from bench.client import Client, shell_job
from bench.run import Run
from bench.services import COORDINATOR, DISPATCHER, SCHEDULER, WORKER, Services
from bench.table import Table
from bench.usage import TASKS, cpu_seconds, difference
from tests.support.services.cluster import Service

JOBS, QUICK_JOBS = 2000, 400
_WARM_UP_JOBS = 100
_WORKER = {"CONVEYOR_RUNTIME_TYPE": "shell", "CONVEYOR_WORKER_QUEUES": "default:16"}


@dataclass(frozen=True, slots=True)
class _Measured:
    """Jobs a second, and CPU milliseconds a job by process."""

    rate: float
    cpu: Mapping[str, float]


async def measure(run: Run) -> Table:
    count = QUICK_JOBS if run.quick else JOBS
    services = Services(run.ground, run.profile)
    try:
        coordinator = await services.start(COORDINATOR)
        for name in (SCHEDULER, DISPATCHER):
            await services.start(name)
        async with Client(run.ground, coordinator, services.running) as client:
            worker = await services.start(WORKER, _WORKER)
            await client.run([shell_job()] * _WARM_UP_JOBS)
            both = await _submit_and_drain(client, services, count)
            await services.stop(worker)
            submitted, drained = await _drain_alone(client, services, count)
    finally:
        await services.stop_all()
    return _table(count, {"submit + drain": both, "submit": submitted, "drain": drained})


async def _submit_and_drain(client: Client, services: Services, count: int) -> _Measured:
    before = cpu_seconds(services.running)
    seconds = await client.run([shell_job()] * count)
    return _measured(count, seconds, before, services.running)


async def _drain_alone(
    client: Client, services: Services, count: int
) -> tuple[_Measured, _Measured]:
    """Submit while no worker is there, then let one in."""
    before = cpu_seconds(services.running)
    began = time.perf_counter()
    ids = await client.submit_all([shell_job()] * count)
    submitted = _measured(count, time.perf_counter() - began, before, services.running)
    before = cpu_seconds(services.running)
    await services.start(WORKER, _WORKER)
    end = await client.last_end(ids)
    seconds = (end - await client.first_start(ids)).total_seconds()
    return submitted, _measured(count, seconds, before, services.running)


def _measured(
    count: int, seconds: float, before: dict[str, float], services: list[Service]
) -> _Measured:
    used = difference(cpu_seconds(services), before)
    return _Measured(count / seconds, {name: cpu / count * 1000 for name, cpu in used.items()})


def _most(cpu_milliseconds: float) -> float:
    """What else runs on the machine takes wall time from us, but little CPU time."""
    return (os.cpu_count() or 1) * 1000 / cpu_milliseconds


def _to_tasks(cpu: Mapping[str, float]) -> str:
    """Empty where no task ran."""
    own = cpu.get(TASKS, 0)
    return f"{(cpu[COORDINATOR] + cpu.get(WORKER, 0)) / own:.2f}" if own else ""


def _table(count: int, phases: Mapping[str, _Measured]) -> Table:
    names = sorted({name for phase in phases.values() for name in phase.cpu})
    rows = [("jobs/s", *(f"{phase.rate:.0f}" for phase in phases.values()))]
    rows += [
        (f"CPU ms a job: {name}", *(f"{phase.cpu.get(name, 0):.2f}" for phase in phases.values()))
        for name in names
    ]
    totals = [sum(phase.cpu.values()) for phase in phases.values()]
    rows.append(("CPU ms a job: all", *(f"{total:.2f}" for total in totals)))
    ratios = [_to_tasks(phase.cpu) for phase in phases.values()]
    rows.append(("coordinator and worker to the tasks' own processes", *ratios))
    rows.append(
        ("jobs/s if these processes had all cores", *(f"{_most(total):.0f}" for total in totals))
    )
    return Table(
        f"(b) {count} one-task jobs, shell runtime, one worker with 16 slots",
        ("", *phases),
        rows,
        (
            "submit: by HTTP with 32 requests at once, without a worker",
            "drain: with all jobs waiting, from the first task's start to the last job's end",
            "drain's CPU time includes the worker's start",
        ),
    )
