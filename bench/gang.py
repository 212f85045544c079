"""(w) A placed task whose executions begin at once, beside one whose each begins alone."""

from datetime import UTC, datetime
from statistics import median

from bench.client import Client, Json
from bench.run import Run, spread
from bench.services import COORDINATOR, DISPATCHER, SCHEDULER, WORKER, Services
from bench.table import Table

_NODES = 4
_ROUNDS, _QUICK_ROUNDS = 30, 5
_WORKER = {"CONVEYOR_RUNTIME_TYPE": "shell", "CONVEYOR_WORKER_QUEUES": "default:2"}
_ALONE: Json = {"count": _NODES, "onePerNode": True}
_AT_ONCE = _ALONE | {"minNodes": _NODES}


async def measure(run: Run) -> Table:
    services = Services(run.ground, run.profile)
    alone, at_once = list[float](), list[float]()
    try:
        for name in (SCHEDULER, DISPATCHER):
            await services.start(name)
        coordinator = await services.start(COORDINATOR)
        for _ in range(_NODES):
            await services.start(WORKER, _WORKER)
        async with Client(run.ground, coordinator, services.running) as client:
            await client.run([_placed(_AT_ONCE)])
            for _ in range(_QUICK_ROUNDS if run.quick else _ROUNDS):
                alone.append(await _to_the_last_start(client, _ALONE))
                at_once.append(await _to_the_last_start(client, _AT_ONCE))
    finally:
        await services.stop_all()
    ratio = median(at_once) / median(alone)
    return Table(
        f"(w) {_NODES} executions on {_NODES} nodes, from the submission to the last one's start",
        ("", "ms: median of rounds (least to most)"),
        [
            ("each alone", _milliseconds(alone)),
            (f"at once: minNodes {_NODES}", _milliseconds(at_once)),
        ],
        (f"at once {ratio:.2f} times as long as each alone",),
    )


async def _to_the_last_start(client: Client, placement: Json) -> float:
    began = datetime.now(UTC)
    _, job_id = await client.run_one(_placed(placement))
    return (max(await client.starts([job_id])) - began).total_seconds()


def _placed(placement: Json) -> Json:
    return {"name": "bench", "tasks": [{"name": "t", "run": "true", "placement": placement}]}


def _milliseconds(seconds: list[float]) -> str:
    return spread([1000 * each for each in seconds], ".0f")
