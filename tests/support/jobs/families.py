"""Plays jobs to their end on a batcher rig: workers, and the messages from one job to another."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from services.coordinator.handlers import on_completions
from shared.apply.apply import Work
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.parsing import parse_job
from shared.lifecycle import (
    Decision,
    Event,
    JobSubmitted,
    TaskClaimed,
    TaskFailed,
    TaskSucceeded,
)
from shared.messages import Reports, Spawned, SubJobSignals
from shared.messages.queues import COMPLETIONS
from shared.planning.new_job import NewJob
from shared.planning.submission import new_job, new_job_id
from tests.support.jobs.batcher import LEASE, Rig

Row = dict[str, Any]
NODE = "n1"


@dataclass(frozen=True)
class Fails:
    error: str = "exit code 1"
    cause: str = "exit"
    exit_code: int | None = 1


@dataclass(frozen=True)
class Makes:
    """The task succeeds, and makes others."""

    spawned: Sequence[Spawned]
    result: str | None = None


class Stays:
    """The task is left running."""


STAYS = Stays()
Verdict = str | Fails | Makes | Stays | None
Behaviour = Callable[[Row], Verdict]
"""What becomes of a task that a worker has started: its result, a failure, or that it stays."""


def succeed(_: Row) -> Verdict:
    return None


@dataclass(frozen=True)
class Play:
    rig: Rig

    async def submit(self, job: dict[str, Any], job_id: str | None = None) -> str:
        """As the API takes it."""

        def made() -> NewJob:
            spec = parse_job(json.dumps(job).encode(), "application/json")
            return new_job(compile_job(spec), job_id or new_job_id(), datetime.now(UTC))

        new = await asyncio.to_thread(made)
        await self.rig.batcher.perform_one(Work(JobSubmitted(new.job), new_job=new))
        return new.job.id

    async def submit_tasks(self, *tasks: dict[str, Any], **fields: Any) -> str:
        return await self.submit({"name": "a job", "tasks": list(tasks), **fields})

    async def happen(self, *events: Event) -> list[Any]:
        """All in one batch. Raises what kept any of them from happening."""
        return await self.perform(*map(Work, events))

    async def perform(self, *works: Work) -> list[Any]:
        """As `happen`."""
        outcomes = await self.rig.batcher.perform(list(works))
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return outcomes

    async def run(self, behave: Behaviour = succeed, *, rounds: int = 1000) -> int:
        """Have workers take whatever is sent, until nothing is; how many rounds that took."""
        for done in range(rounds):
            if not await self.run_round(behave):
                return done
        return rounds

    async def run_round(self, behave: Behaviour = succeed, limit: int = 200) -> bool:
        await self.deliver()
        rows = await self.waiting()
        if not rows:
            return False
        refs = [(row["job_id"], row["id"], row["dispatch"], NODE) for row in rows[:limit]]
        outcomes = await self.happen(*(TaskClaimed(*ref, LEASE) for ref in refs))
        taken = [
            (ref, row)
            for ref, row, outcome in zip(refs, rows, outcomes, strict=False)
            if isinstance(outcome, Decision)
        ]
        ends = [end for ref, row in taken if (end := _end(ref, behave(row)))]
        await self.perform(*ends)
        await self.deliver()
        return True

    async def waiting(self) -> list[Row]:
        rows = await self.rig.pool.fetch(
            "SELECT * FROM tasks WHERE state = 'SCHEDULED'"
            " ORDER BY created_at, child_index, name, id"
        )
        return [dict(row) for row in rows]

    async def deliver(self) -> None:
        """What jobs have said to one another, as long as there is something."""
        while messages := await self.subjob_signals():
            for failure in await on_completions(self.rig.batcher, self.rig.pool, messages):
                assert failure is None, failure

    async def subjob_signals(self) -> Sequence[Reports | SubJobSignals]:
        await self.rig.batcher.outbox.close()
        stats = await self.rig.broker.queue_stats(COMPLETIONS)
        if stats is None or not stats.size:
            return []
        received = await self.rig.receive(COMPLETIONS, stats.size)
        return cast(Sequence[Reports | SubJobSignals], received)

    async def state(self, job_id: str) -> str:
        return str((await self.rig.job(job_id))["state"])

    async def children(self, parent_id: str) -> list[Row]:
        rows = await self.rig.pool.fetch(
            "SELECT * FROM tasks WHERE parent_id = $1 ORDER BY child_index, created_at, attempt",
            parent_id,
        )
        return [dict(row) for row in rows]

    async def task(self, job_id: str, name: str) -> Row:
        """The last one of that name."""
        row = await self.rig.pool.fetchrow(
            "SELECT * FROM tasks WHERE job_id = $1 AND name = $2"
            " ORDER BY created_at DESC, attempt DESC LIMIT 1",
            job_id,
            name,
        )
        return dict(row)

    async def subjob_of(self, task: Row) -> Row:
        return await self.rig.job(task["subjob_id"])


def _end(ref: tuple[str, str, int, str], verdict: Verdict) -> Work | None:
    match verdict:
        case Stays():
            return None
        case Fails(error, cause, exit_code):
            return Work(TaskFailed(*ref, error, 0, cause, exit_code))
        case Makes(spawned, result):
            return Work(TaskSucceeded(*ref, result), spawned=spawned)
        case _:
            return Work(TaskSucceeded(*ref, verdict))
