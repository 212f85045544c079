"""`make soak`: one long run and its table; exit code 1 when anything grows or is left."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from tests.soak.report import print_outcome
from tests.soak.run import opened_soak
from tests.support.engines.docker_engine import existing_docker
from tests.support.engines.images import make_images

_MINUTES = 60.0
_LEAST_MINUTES = 5.0  # a shorter run can't tell what grows, only what is left
_JOBS_PER_SECOND = 5.0
_REHEARSAL_SECONDS = 30.0


async def main(minutes: float, jobs_per_second: float) -> int:
    directory = Path(tempfile.mkdtemp(prefix="conveyor-soak-"))
    docker_host = existing_docker()
    if docker_host:
        make_images(docker_host)
    async with opened_soak(directory, docker_host) as soak:
        if judged := minutes >= _LEAST_MINUTES:
            await soak.fill()
        outcome = await soak.run(
            rehearsal_seconds=_REHEARSAL_SECONDS,
            seconds=minutes * 60,
            jobs_per_second=jobs_per_second,
            judged=judged,
        )
    print_outcome(outcome)
    if outcome.findings:
        print(f"logs: {directory}")  # noqa: T201 - for who has called it
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=_MINUTES, help=f"how long ({_MINUTES:g})")
    parser.add_argument(
        "--rate", type=float, default=_JOBS_PER_SECOND, help=f"jobs a second ({_JOBS_PER_SECOND:g})"
    )
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.minutes, given.rate)))
