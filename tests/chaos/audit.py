"""The audit: waits until a round is at rest, and writes its books."""

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from tests.chaos.accounts import Accounts, JobRow
from tests.chaos.books import Books
from tests.chaos.client import Client
from tests.chaos.ledger import doubled, interrupted, read_ledger, started_again
from tests.chaos.mix import Planned
from tests.chaos.plan import Round
from tests.chaos.receiver import Event, Receiver
from tests.chaos.reuse import Reuse
from tests.chaos.script import Scripts
from tests.chaos.system import System

_LIMIT_SECONDS = 120.0
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a round at one moment."""

    jobs: Sequence[JobRow]
    owed: set[Event]
    left: Mapping[str, int]

    @property
    def is_final(self) -> bool:
        return all(job.is_final for job in self.jobs)


class Audit:
    """Of one round. `planned` are its jobs by key, each of which begins with `prefix`."""

    def __init__(
        self,
        system: System,
        client: Client,
        receiver: Receiver,
        scripts: Scripts,
        reuse: Reuse,
        planned: Mapping[str, Planned],
        prefix: str,
    ) -> None:
        self._system = system
        self._client = client
        self._receiver = receiver
        self._scripts = scripts
        self._reuse = reuse
        self._planned = planned
        self._prefix = prefix

    async def close_books(self, round_: Round, healed_at: float, books: Books) -> None:
        """`healed_at` is a time of time.monotonic()."""
        async with opened_accounts(self._system) as accounts:
            state = await self._rest(accounts, healed_at, books)
            reused_tasks = await accounts.reused_tasks(self._prefix)
        books.reused = len(reused_tasks) + sum(self._reuse.reused[key] for key in self._planned)
        books.reused_wrongly += self._reuse.check(self._planned, state.jobs, reused_tasks)
        self._check_jobs(state, books)
        self._check_starts(round_, books)
        self._check_webhooks(state, books)
        books.left += [f"{count} {what}" for what, count in state.left.items()]
        for fault in round_.faults:
            books.left += await fault.complaints(self._system)

    async def _rest(self, accounts: Accounts, healed_at: float, books: Books) -> State:
        """The state when all is at rest, or the last one before patience ended."""
        deadline = time.monotonic() + _LIMIT_SECONDS
        while True:
            state = await self._look(accounts)
            seconds = time.monotonic() - healed_at
            if state.is_final and books.final_after is None:
                books.final_after = seconds
            if self._is_at_rest(state):
                books.at_rest_after = seconds
                return state
            if time.monotonic() > deadline:
                return state
            await self._cancel_unanswered(state)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, accounts: Accounts) -> State:
        jobs = await accounts.jobs(self._prefix)
        owed = await accounts.owed(self._prefix)
        return State(jobs, owed, await accounts.left() | self._left_on_disk())

    def _left_on_disk(self) -> dict[str, int]:
        """Processes of tasks, and directories of theirs."""
        running = sum(map(_is_locked, (self._scripts.directory / "locks").iterdir()))
        directories = len(list(self._system.directory.glob("conveyor-task.*")))
        counts = {"processes": running, "task directories": directories}
        return {what: count for what, count in counts.items() if count}

    def _is_at_rest(self, state: State) -> bool:
        return state.is_final and not state.left and state.owed <= self._receiver.taken.keys()

    async def _cancel_unanswered(self, state: State) -> None:
        """Jobs whose answer was lost on its way: nobody else knows that they are there."""
        for job in state.jobs:
            planned = self._planned.get(job.name)
            if planned and planned.is_cancelled and not job.is_final:
                await self._client.cancel(job.id)

    def _check_jobs(self, state: State, books: Books) -> None:
        there = {id_ for job in state.jobs for id_ in (job.id, job.uuid)} | self._reuse.deleted
        ours = {id: key for id, key in self._client.answered.items() if key in self._planned}
        books.jobs = len(set(ours.values()))
        books.lost += [f"{key} {id}" for id, key in ours.items() if id not in there]
        for job in state.jobs:
            if not job.is_final:
                books.stuck.append(f"{job.name} {job.id} is {job.state}")
            elif (planned := self._planned.get(job.name)) and not _is_right(planned, job):
                books.wrong.append(f"{job} instead of {planned.state} {planned.result!r}")

    def _check_starts(self, round_: Round, books: Books) -> None:
        lines = read_ledger(self._scripts.ledger, self._prefix)
        books.interrupted = interrupted(lines)
        books.doubled += [
            f"{line.key} task {line.task} on {self._place(line.node)}" for line in doubled(lines)
        ]
        excused = {place for fault in round_.faults for place in fault.restarts}
        for again in started_again(lines):
            place = self._place(again.first.node)
            if place not in excused:
                apart = again.second.at - again.first.at
                books.again.append(
                    f"{again.first.key} task {again.first.task}: on {place}, then "
                    f"{apart:.1f} s later on {self._place(again.second.node)}"
                )

    def _place(self, node: str) -> str:
        return self._system.place_of(node) or f"unknown worker {node}"

    def _check_webhooks(self, state: State, books: Books) -> None:
        taken = self._receiver.taken
        books.webhooks = len(state.owed)
        books.webhooks_lost += [f"{event}" for event in sorted(state.owed - taken.keys())]
        books.wrong += [
            f"webhook {event} came under {sorted(taken[event])}"
            for event in state.owed & taken.keys()
            if len(taken[event]) > 1
        ]


@asynccontextmanager
async def opened_accounts(system: System) -> AsyncIterator[Accounts]:
    connection = await asyncpg.connect(system.postgres.tcp_dsn)
    try:
        yield Accounts(connection)
    finally:
        await connection.close()


def _is_right(planned: Planned, job: JobRow) -> bool:
    return job.state == planned.state and job.result == planned.result


def _is_locked(path: Path) -> bool:
    """Whether a process of that task still lives."""
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # the answer
            return True
    return False
