"""(d) What each service takes while there is nothing to do."""

import asyncio

from bench.run import Run
from bench.services import opened_services
from bench.table import Table
from bench.usage import cpu_seconds, difference, memory_megabytes

_SECONDS, _QUICK_SECONDS = 60, 15
_SETTLE_SECONDS = 3


async def measure(run: Run) -> Table:
    seconds = _QUICK_SECONDS if run.quick else _SECONDS
    async with opened_services(run.ground, {"CONVEYOR_RUNTIME_TYPE": "shell"}) as services:
        await asyncio.sleep(_SETTLE_SECONDS)
        before = cpu_seconds(services.values())
        await asyncio.sleep(seconds)
        used = difference(cpu_seconds(services.values()), before)
        rows = [
            (name, f"{used[name] / seconds * 100:.2f}", f"{memory_megabytes(service):.0f}")
            for name, service in services.items()
        ]
    servers = [
        (name, f"{used[name] / seconds * 100:.2f}", "")
        for name in sorted(used.keys() - services.keys())
    ]
    return Table(
        f"(d) idle for {seconds} s",
        ("process", "CPU % of a core", "memory MB"),
        [*rows, *servers],
        ("aim for each service: under 0.3 % and 60 MB",),
    )
