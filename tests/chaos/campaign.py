"""A campaign: round after round, jobs are submitted, faults struck and healed, books closed."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiohttp

from tests.chaos.audit import Audit, opened_accounts
from tests.chaos.books import Books
from tests.chaos.client import Client
from tests.chaos.ledger import read_ledger
from tests.chaos.mix import Planned, Workshop
from tests.chaos.plan import Round
from tests.chaos.receiver import Receiver, opened_receiver
from tests.chaos.repository import Repository
from tests.chaos.reuse import Reuse
from tests.chaos.script import Scripts
from tests.chaos.system import WORKERS, System, opened_system
from tests.support.eventually import eventually
from tests.support.servers.rabbitmq_versions import RabbitKind

_SUBMIT_SECONDS = 120.0
_UNDER_WAY_SECONDS = 60.0
_FLOW_SECONDS = 90.0

Tell = Callable[[Books], None]


@dataclass(frozen=True, slots=True)
class Campaign:
    seed: int
    system: System
    client: Client
    receiver: Receiver
    scripts: Scripts
    repository: Repository

    async def run(self, rounds: Sequence[Round], jobs: int, tell: Tell) -> list[Books]:
        """The books of all rounds, each told when it is closed. `jobs` are submitted in each."""
        all_books: list[Books] = []
        for round_ in rounds:
            try:
                books = await self._round(round_, jobs)
            except Exception as error:
                # What this round has met may be left from one before.
                error.add_note(f"{all_books}\nthen in {round_}:\n{await self._state()}")
                raise
            all_books.append(books)
            tell(books)
        return all_books

    async def _round(self, round_: Round, count: int) -> Books:
        books = Books(f"{round_.number}. {round_}", round_.seconds)
        lot = Random(f"round {self.seed} {round_.number}")
        prefix = f"r{round_.number}-"
        workshop = Workshop(self.scripts, lot, self.receiver.url, repository=self.repository)
        reuse = Reuse(self.client)
        jobs = [workshop.job(number, prefix) for number in range(count)]
        async with asyncio.TaskGroup() as group:
            before, during = jobs[: count // 2], jobs[count // 2 :]
            limit = _SUBMIT_SECONDS + round_.seconds
            for job in before:
                group.create_task(self._submit(job, reuse, 0.0, limit))
            await self._under_way([job.key for job in before if job.is_long])
            for job in during:
                delay = lot.uniform(0, round_.seconds)
                group.create_task(self._submit(job, reuse, delay, limit))
            await self._break(round_)
            healed_at = time.monotonic()
            probing = group.create_task(self._flow(workshop, f"probe-{prefix}"))
        books.flowed_after = probing.result()
        both = ((job, job.then) for job in jobs)
        planned = {job.key: job for pair in both for job in pair if job is not None}
        audit = Audit(self.system, self.client, self.receiver, self.scripts, reuse, planned, prefix)
        await audit.close_books(round_, healed_at, books)
        return books

    async def _state(self) -> str:
        async with opened_accounts(self.system) as accounts:
            jobs = await accounts.jobs("")
        started = Counter(line.key for line in read_ledger(self.scripts.ledger, ""))
        queues = await asyncio.to_thread(self.system.queues_listed)
        return "\n".join([*map(str, jobs), f"{started}", queues, self.system.logs()])

    async def _under_way(self, keys: Sequence[str]) -> None:
        """All these jobs have been started: whatever is struck next, there is work to disturb."""
        await eventually(
            lambda: all(read_ledger(self.scripts.ledger, key) for key in keys), _UNDER_WAY_SECONDS
        )

    async def _submit(self, job: Planned, reuse: Reuse, delay: float, limit: float) -> None:
        """Within `limit` seconds after `delay`, an outage in between included."""
        await asyncio.sleep(delay)
        async with asyncio.timeout(limit):
            if job.is_reusing:
                await reuse.submit(job)
            elif job.is_cancelled:
                await self.client.submit_and_cancel(job)
            else:
                await self.client.submit(job)

    async def _break(self, round_: Round) -> None:
        """Strike all, hold, heal all: whatever happens between, what was struck is healed."""
        struck = []
        try:
            for fault in round_.faults:
                struck.append(fault)
                await fault.strike(self.system)
            await asyncio.sleep(round_.seconds)
        finally:
            for fault in reversed(struck):
                await fault.heal(self.system)

    async def _flow(self, workshop: Workshop, key: str) -> float | None:
        """Seconds until every worker has done a new job; None if one of them hasn't in time."""
        began = time.monotonic()
        probes = [workshop.probe(f"{key}{place}", place) for place in WORKERS]
        try:
            async with asyncio.timeout(_FLOW_SECONDS):
                await asyncio.gather(*map(self._run_one, probes))
        except TimeoutError:  # the answer
            return None
        return time.monotonic() - began

    async def _run_one(self, job: Planned) -> None:
        await self.client.wait_final((await self.client.submit(job)).id)


@asynccontextmanager
async def opened_campaign(seed: int, directory: Path, kind: RabbitKind) -> AsyncIterator[Campaign]:
    scripts = Scripts(directory / "written")
    scripts.make_room()
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        opened_receiver(Random(f"receiver {seed}")) as receiver,
        opened_system(directory, kind) as system,
        aiohttp.ClientSession(timeout=timeout) as session,
    ):
        repository = Repository(system.repositories)
        yield Campaign(seed, system, Client(system, session), receiver, scripts, repository)
