"""`make flood`: one flood and its tables; exit code 1 when anything was found."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from tests.flood.report import print_outcome
from tests.flood.run import flood
from tests.flood.system import PLACES, POSTGRES_SETTINGS
from tests.support.services.whole_system import opened_whole_system

_JOBS = 100_000
_LEAST_JOBS_PER_SECOND = 50


async def main(jobs: int) -> int:
    directory = Path(tempfile.mkdtemp(prefix="conveyor-flood-"))
    async with opened_whole_system(directory, PLACES, POSTGRES_SETTINGS) as system:
        patience_seconds = 60 + jobs / _LEAST_JOBS_PER_SECOND
        outcome = await flood(system, directory, jobs, patience_seconds=patience_seconds)
    print_outcome(outcome)
    if outcome.findings:
        print(f"logs: {directory}")  # noqa: T201 - for who has called it
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make flood", description=__doc__)
    parser.add_argument("--jobs", type=int, default=_JOBS, help=f"how many ({_JOBS})")
    sys.exit(asyncio.run(main(parser.parse_args().jobs)))
