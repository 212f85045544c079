"""(l) An `each` whose children keep a small artifact each, beside one whose children keep none, and
a task that takes them all as one directory."""

from dataclasses import dataclass

import asyncpg

from bench.client import Client, Json
from bench.run import Run
from bench.services import COORDINATOR, SCHEDULER, WORKER, Services
from bench.table import Table
from bench.usage import cpu_seconds, difference, peak_megabytes

SIZES, QUICK_SIZES = (1_000, 10_000), (100, 1_000)
_SLOTS = {"CONVEYOR_RUNTIME_TYPE": "shell", "CONVEYOR_WORKER_QUEUES": "default:16"}
TAKING = """
SELECT extract(epoch FROM completed_at - started_at)::float8 FROM tasks
WHERE name = 'take' ORDER BY completed_at DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class _Measured:
    """Milliseconds for each child: in all, and of CPU time."""

    each: float
    coordinator: float
    worker: float

    @property
    def cells(self) -> tuple[str, ...]:
        return f"{self.each:.2f}", f"{self.coordinator:.2f}, {self.worker:.2f}"


async def measure(run: Run) -> Table:
    folder = run.ground.folder / "files"
    files = {
        "CONVEYOR_FILES_STORE": str(folder / "store"),
        "CONVEYOR_FILES_CACHE_DIR": str(folder / "cache"),
    }
    services = Services(run.ground, run.profile)
    database = await asyncpg.connect(run.ground.dsn)
    try:
        coordinator = await services.start(COORDINATOR, files)
        await services.start(SCHEDULER, files)
        await services.start(WORKER, files | _SLOTS)
        async with Client(run.ground, coordinator, services.running) as client:
            await client.run([_each(100, keeps=True)])
            sizes = QUICK_SIZES if run.quick else SIZES
            rows = [await _row(client, services, database, size) for size in sizes]
    finally:
        await database.close()
        await services.stop_all()
    return Table(
        "(l) one job, `each` over many items, each child keeps a file of 10 bytes in a directory",
        (
            "children",
            *("ms a child", "CPU ms: coordinator, worker"),
            *("without: ms a child", "CPU ms: coordinator, worker"),
            *("all are taken in s", "worker's peak MB"),
        ),
        rows,
        ("shell runtime, one worker with 16 slots",),
    )


async def _row(
    client: Client, services: Services, database: asyncpg.Connection, size: int
) -> tuple[str, ...]:
    without = await _measured(client, services, size, keeps=False)
    kept = await _measured(client, services, size, keeps=True)
    await client.run([_each(size, keeps=True, is_taken=True)])
    taking = await database.fetchval(TAKING)
    [worker] = [each for each in services.running if each.name == WORKER]
    peak = peak_megabytes(worker)
    return f"{size:,}", *kept.cells, *without.cells, f"{taking:.1f}", f"{peak:.0f}"


async def _measured(client: Client, services: Services, size: int, *, keeps: bool) -> _Measured:
    before = cpu_seconds(services.running)
    seconds = await client.run([_each(size, keeps=keeps)])
    used = difference(cpu_seconds(services.running), before)
    took = (seconds, used[COORDINATOR], used[WORKER])
    return _Measured(*(second / size * 1000 for second in took))


def _each(size: int, *, keeps: bool, is_taken: bool = False) -> Json:
    child: Json = {"name": "keep {{ item.index }}", "run": "printf 0123456789 > out"}
    if keeps:
        child["artifacts"] = [{"name": "out", "path": "out"}]
    each = {"list": f"{{{{ sequence(0, {size}) }}}}", "task": child}
    tasks: list[Json] = [{"name": "all", "var": "all", "each": each}]
    if is_taken:
        sources = [{"artifact": "all.out", "target": "all"}]
        count = f"test $(ls all | wc -l) = {size + 1}"
        tasks.append({"name": "take", "sources": sources, "run": count})
    return {"name": "bench", "tasks": tasks}
