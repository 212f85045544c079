"""One flood from the first submission to the last job's end, and what was measured of it."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from tests.chaos.accounts import Accounts
from tests.flood import rows
from tests.flood.orders import Submitted, job, overtaken, passed_over
from tests.flood.outcome import Outcome
from tests.flood.reader import Read
from tests.flood.submitting import Submitting
from tests.support.services.footprint import (
    POSTGRES,
    RABBITMQ,
    descendants,
    peak_megabytes,
    together_megabytes,
)
from tests.support.services.service_log import complaints
from tests.support.services.whole_system import WholeSystem

CLIENTS = 64
P95_MILLISECONDS = 100.0
"""What reads may take while the flood comes in and is worked off."""

_LOOK_SECONDS = 1.0
_REST_SECONDS = 30.0
_ROOT = Path(__file__).parent.parent.parent
_TO_DRAIN = "the flood comes in", "the rest is worked off"


@dataclass(slots=True)
class _Watch:
    """What was most at any look."""

    waiting: int = 0
    outbox: int = 0
    postgres: float = 0.0
    wrong: list[str] = field(default_factory=list)


async def flood(
    system: WholeSystem,
    directory: Path,
    jobs: int,
    *,
    patience_seconds: float,
    p95_milliseconds: float = P95_MILLISECONDS,
) -> Outcome:
    """`patience_seconds` is for the jobs that are left when all are submitted."""
    starts = directory / "starts"
    starts.touch()
    submitting = Submitting(system.coordinators, lambda n: job(n, starts), CLIENTS)
    async with _connected(system.dsn) as connection:
        with _reading(system, directory / "reads.json") as reads:
            async with _watching(system) as watch:
                began_at = time.time()
                submit_seconds = await submitting.run(jobs)
                await _drained(connection, watch, patience_seconds)
        left = await _left(connection)
        ended_at = await rows.last_end(connection)
        granted = await rows.granted_at(connection)
        states = await rows.states(connection)
    started = [int(line) for line in starts.read_text().split()]
    submitted = submitting.submitted
    known = [number for number in started if number in submitted]
    return Outcome(
        jobs=jobs,
        submit_seconds=submit_seconds,
        all_seconds=ended_at - began_at,
        most_waiting=watch.waiting,
        most_outbox=watch.outbox,
        refused=submitting.refused,
        states=states,
        started=started,
        overtaken=overtaken(known, submitted),
        passed_over=passed_over(submitted, _by_number(submitted, granted)),
        reads=_phases(reads, began_at + submit_seconds, ended_at),
        peaks=_peaks(system) | {"Postgres, all its processes": watch.postgres},
        left=left,
        p95_milliseconds=p95_milliseconds,
        wrong=[*submitting.wrong, *watch.wrong, *system.ended, *_complaints(system)],
    )


async def _drained(
    connection: "asyncpg.Connection[asyncpg.Record]", watch: _Watch, patience_seconds: float
) -> None:
    """Wait until no job is under way, or something is wrong."""
    deadline = time.monotonic() + patience_seconds
    while count := await rows.unfinished(connection):
        if time.monotonic() > deadline:
            watch.wrong.append(f"{count} jobs not over {patience_seconds:g} s after the last")
            return
        if watch.wrong:
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _left(connection: "asyncpg.Connection[asyncpg.Record]") -> Mapping[str, int]:
    """What a system at rest has none of; it gets some time to come to rest."""
    deadline = time.monotonic() + _REST_SECONDS
    while (left := await Accounts(connection).left()) and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)
    return left


@asynccontextmanager
async def _watching(system: WholeSystem) -> AsyncIterator[_Watch]:
    watch = _Watch()

    async def look() -> None:
        async with _connected(system.dsn) as connection:
            while True:
                watch.waiting = max(watch.waiting, await rows.unfinished(connection))
                left = await Accounts(connection).left()
                watch.outbox = max(watch.outbox, left.get("outbox rows", 0))
                watch.postgres = max(watch.postgres, together_megabytes(POSTGRES))
                watch.wrong = list(system.ended)
                await asyncio.sleep(_LOOK_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield watch
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


@contextmanager
def _reading(system: WholeSystem, path: Path) -> Iterator[list[Read]]:
    """Somebody reads while the context lasts; the list is filled at its end."""
    reads: list[Read] = []
    command = [sys.executable, "-m", "tests.flood.reader", str(path), *system.coordinators]
    reader = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.DEVNULL)
    try:
        yield reads
    finally:
        reader.terminate()
        reader.wait()
    reads += [Read(**read) for read in json.loads(path.read_text())]


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


def _phases(reads: list[Read], submitted_at: float, ended_at: float) -> dict[str, list[Read]]:
    first, second = _TO_DRAIN
    return {
        first: [read for read in reads if read.at < submitted_at],
        second: [read for read in reads if submitted_at <= read.at < ended_at],
    }


def _by_number(
    submitted: Mapping[int, Submitted], granted: Mapping[str, float]
) -> dict[int, float]:
    return {n: granted[one.id] for n, one in submitted.items() if granted.get(one.id)}


def _peaks(system: WholeSystem) -> dict[str, float]:
    running = {p: s.process.pid for p, s in system.services.items() if s.process.poll() is None}
    peaks = {place: peak_megabytes(pid) for place, pid in running.items()}
    return peaks | {"RabbitMQ": sum(peak_megabytes(p.pid) for p in descendants(RABBITMQ))}


def _complaints(system: WholeSystem) -> list[str]:
    return [
        f"{place}: {line}"
        for place, service in system.services.items()
        for line in complaints(service.log)
    ]
