"""`python -m bench [a … w] [options]`: measures and prints the tables."""

import argparse
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog
import uvloop

from bench import (
    artifacts,
    chain,
    chunks,
    containers,
    deliveries,
    drain,
    families,
    files,
    gang,
    idle,
    idle_schedules,
    killed_worker,
    lists,
    page,
    pipeline,
    placement,
    reading,
    reused_jobs,
    reused_tasks,
    schedules,
    searching,
    spawned,
    webhooks,
)
from bench.ground import open_resources
from bench.run import Run
from bench.table import Table, machine_line, print_table

_ROWS: dict[str, Callable[[Run], Awaitable[Table]]] = {
    "a": chain.measure,
    "b": drain.measure,
    "c": containers.measure,
    "d": idle.measure,
    "e": families.measure,
    "f": searching.measure,
    "g": reading.measure,
    "h": webhooks.measure,
    "i": killed_worker.measure,
    "j": files.measure,
    "k": deliveries.measure,
    "l": artifacts.measure,
    "m": chunks.measure,
    "n": spawned.measure,
    "o": reused_tasks.measure,
    "p": placement.measure,
    "q": reused_jobs.measure,
    "r": pipeline.measure,
    "s": schedules.measure,
    "t": idle_schedules.measure,
    "u": lists.measure,
    "v": page.measure,
    "w": gang.measure,
}


def main() -> int:
    options = _options(sys.argv[1:])
    # The tables are all that is to be read; the services log to files of their own.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    uvloop.run(_measure(options))
    return 0


async def _measure(options: argparse.Namespace) -> None:
    async with open_resources() as ground:
        run = Run(ground, options.quick, options.profile, options.minutes)
        for row in options.rows or _ROWS:
            print_table(await _ROWS[row](run))
        print(f"\n{machine_line(ground.versions)}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*_ROWS, []], help="which tables; default: all")
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    parser.add_argument("--profile", type=_folder, help="where each service leaves a profile")
    parser.add_argument("--minutes", type=float, help="how long row v watches live updates")
    return parser.parse_args(arguments)


def _folder(name: str) -> Path:
    folder = Path(name).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    sys.exit(main())
