"""(n) Tasks made by tasks, more and more: time must grow with them and no faster."""

from dataclasses import dataclass
from math import log

from bench.client import Client, Json
from bench.run import Run
from bench.services import COORDINATOR, opened_services
from bench.table import Table
from bench.usage import cpu_seconds, peak_megabytes

SIZES, QUICK_SIZES = (1_000, 10_000), (100, 1_000)
_SLOTS = {"CONVEYOR_RUNTIME_TYPE": "shell", "CONVEYOR_WORKER_QUEUES": "default:16"}
_SEQUENCES = 10
"""The first task makes all of the first; each of these makes one for the next."""
_MAKES = f"""
if [ $TORK_SEQUENCE = 0 ]; then yes '{{}}' | head -n $N > $TORK_SPAWN
elif [ $TORK_SEQUENCE -lt {_SEQUENCES} ]; then echo '{{}}' > $TORK_SPAWN
fi
"""


@dataclass(frozen=True, slots=True)
class _Measured:
    size: int
    seconds: float
    cpu_seconds: float
    peak: float

    @property
    def cells(self) -> tuple[str, ...]:
        each, cpu = (taken / self.size * 1000 for taken in (self.seconds, self.cpu_seconds))
        return (
            f"{self.size}",
            f"{self.seconds:.2f}",
            f"{each:.2f}",
            f"{cpu:.2f}",
            f"{self.peak:.0f}",
        )


async def measure(run: Run) -> Table:
    sizes = QUICK_SIZES if run.quick else SIZES
    async with opened_services(run.ground, _SLOTS, run.profile) as services:
        coordinator, measured = services[COORDINATOR], list[_Measured]()
        async with Client(run.ground, coordinator, services.values()) as client:
            await client.run([_spawn(100)])
            for size in sizes:
                before = cpu_seconds([coordinator])[coordinator.name]
                seconds = await client.run([_spawn(size)])
                used = cpu_seconds([coordinator])[coordinator.name] - before
                measured.append(_Measured(size, seconds, used, peak_megabytes(coordinator)))
    less, more = measured
    exponent = log(more.seconds / less.seconds) / log(more.size / less.size)
    return Table(
        "(n) tasks that make tasks, in 10 sequences, shell runtime, one worker with 16 slots",
        ("tasks", "seconds", "ms a task", "coordinator CPU ms a task", "peak memory MB"),
        [one.cells for one in measured],
        (
            f"exponent of growth from {less.size} to {more.size} tasks: {exponent:.2f} "
            "(1 is linear)",
        ),
    )


def _spawn(size: int) -> Json:
    """The first task is one more than `size`."""
    child = {"run": _MAKES, "env": {"N": f"{size // _SEQUENCES}"}}
    spawn = {"maxTasks": size + 1, "task": child}
    return {"name": "bench", "tasks": [{"name": "all", "spawn": spawn}]}
