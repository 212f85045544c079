"""(i) From the kill of a worker to the second start of its tasks."""

import time

from bench.client import Client, Json
from bench.run import Run, spread
from bench.services import COORDINATOR, DISPATCHER, SCHEDULER, WORKER, Services
from bench.table import Table

TASKS = 8
_ROUNDS, _QUICK_ROUNDS = 3, 1
_WORKER = {"CONVEYOR_RUNTIME_TYPE": "shell", "CONVEYOR_WORKER_QUEUES": f"default:{TASKS}"}
_TASK_SECONDS = 15  # longer than it takes for another worker to be up


async def measure(run: Run) -> Table:
    services = Services(run.ground, run.profile)
    try:
        for name in (SCHEDULER, DISPATCHER):
            await services.start(name)
        coordinator = await services.start(COORDINATOR)
        async with Client(run.ground, coordinator, services.running) as client:
            seconds = [
                await _again(client, services)
                for _ in range(_QUICK_ROUNDS if run.quick else _ROUNDS)
            ]
    finally:
        await services.stop_all()
    return Table(
        f"(i) a worker with {TASKS} running tasks is killed with -9, another one is up",
        ("", "seconds: median of rounds (least to most)"),
        [("from the kill to the last task's second start", spread(seconds))],
    )


async def _again(client: Client, services: Services) -> float:
    victim = await services.start(WORKER, _WORKER)
    ids = await client.submit_all([_sleeping()] * TASKS)
    await client.all_running(ids)
    heir = await services.start(WORKER, _WORKER)
    killed_at = time.time()
    services.kill(victim)
    await client.last_end(ids)
    starts = await client.starts(ids)
    await services.stop(heir)
    return max(start.timestamp() for start in starts) - killed_at


def _sleeping() -> Json:
    return {"name": "bench", "tasks": [{"name": "sleep", "run": f"sleep {_TASK_SECONDS}"}]}
