"""A batcher on a real database, and jobs to give it."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.apply.apply import Outcome, Work
from shared.apply.batcher import Batcher
from shared.broker.in_process import InProcessBroker
from shared.broker.protocol import Broker
from shared.definition import keeps_files, task_graph
from shared.lifecycle import Event, Job, JobState, JobSubmitted, TaskClaimed, TaskSucceeded
from shared.messages import Message, decode
from shared.planning.new_job import NewJob
from shared.planning.planner import Planner
from shared.planning.terms import FREE, Terms
from shared.postgres.pool import Pool, create_pool
from shared.process.sealing import Sealer, generate_key
from shared.process.settings.blocks import PostgresSettings
from tests.support.jobs.definitions import TaskLike, job_definition

_WAITS = ("is_held", "must_end_at", "slots", "start_at")
_KEPT = ("created_by", "key", "lender_id", "readers", "schedule_id")

LEASE = timedelta(seconds=30)


@dataclass(frozen=True)
class Rig:
    pool: Pool
    broker: Broker
    batcher: Batcher
    sealer: Sealer

    async def submit(self, tasks: Sequence[TaskLike], **fields: Any) -> str:
        job_id = uuid.uuid4().hex
        timeout = fields.pop("timeout", None)
        waits = {name: fields.pop(name) for name in _WAITS if name in fields}
        kept = {name: fields.pop(name) for name in _KEPT if name in fields}
        definition = job_definition(tasks, **fields)
        job = Job(
            id=job_id,
            state=JobState.PENDING,
            task_count=len(tasks),
            created_at=datetime.now(UTC),
            has_output="output" in fields,
            has_webhooks="webhooks" in fields,
            is_graph=(needs := task_graph(definition.tasks)) is not None,
            timeout=timeout,
            budget=Decimal(definition.budget) if definition.budget else None,
            keeps_files=any(map(keeps_files, definition.tasks)),
            **waits,
        )
        new = NewJob(job=job, definition=definition, needs=needs, **kept)
        await self.batcher.perform_one(Work(JobSubmitted(job), new_job=new))
        return job_id

    async def happen(self, event: Event) -> Outcome:
        return await self.batcher.perform_one(Work(event))

    async def job(self, job_id: str) -> dict[str, Any]:
        return dict(await self.pool.fetchrow("SELECT * FROM jobs WHERE id = $1", job_id))

    async def tasks(self, job_id: str) -> list[dict[str, Any]]:
        rows = await self.pool.fetch(
            "SELECT * FROM tasks WHERE job_id = $1 ORDER BY position, created_at, attempt", job_id
        )
        return [dict(row) for row in rows]

    async def run_current(self, job_id: str, result: str | None = None, node: str = "n1") -> None:
        """Claim and complete the job's scheduled task, as a worker would."""
        await self.complete(await self.claim_current(job_id, node), result, node)

    async def claim_current(self, job_id: str, node: str = "n1") -> dict[str, Any]:
        """The task that was scheduled."""
        [task] = [t for t in await self.tasks(job_id) if t["state"] == "SCHEDULED"]
        await self.happen(TaskClaimed(job_id, task["id"], task["dispatch"], node, LEASE))
        return task

    async def complete(
        self, task: Mapping[str, Any], result: str | None = None, node: str = "n1"
    ) -> None:
        done = TaskSucceeded(task["job_id"], task["id"], task["dispatch"], node, result)
        await self.happen(done)

    async def receive(self, queue: str, count: int = 1) -> list[Message]:
        """The next messages of `queue`, acknowledged."""
        messages: list[Message] = []
        async with self.broker.consume(queue, prefetch=count) as consumer:
            while len(messages) < count:
                for delivery in await consumer.batch(count - len(messages)):
                    messages.append(decode(delivery.body))
                    await delivery.ack()
        return messages


@asynccontextmanager
async def batcher_rig(
    dsn: str,
    *,
    most_kept_bytes: int | None = None,
    terms: Terms = FREE,
    broker: Broker | None = None,
    **settings: float,
) -> AsyncIterator[Rig]:
    """`settings` are those of `PostgresSettings`; `broker` is one in this process unless given."""
    given = {"dsn": "postgresql://given", **settings}
    pool = await create_pool(dsn, PostgresSettings.model_validate(given))
    broker = broker or InProcessBroker()
    await broker.start()
    sealer = Sealer([generate_key()])
    try:
        async with Batcher(pool, broker, Planner(sealer, most_kept_bytes, terms)) as batcher:
            yield Rig(pool, broker, batcher, sealer)
    finally:
        await broker.close()
        await pool.close()
