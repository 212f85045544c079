"""Batches work for `apply`: what arrives while a batch commits goes into the next one.

An idle engine adds no delay, a busy one commits once for many events. If a batch fails it is
applied one by one, so that only the work that causes the failure fails.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from shared.apply.apply import Outcome, Work, apply
from shared.apply.metrics import StoreMetrics
from shared.apply.spans import record_batch
from shared.broker import Broker
from shared.lifecycle import AnnounceJob, Command, Decision, Ignored
from shared.planning.planner import Planner
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.own_connection import OwnConnection
from shared.postgres.pool import Pool
from shared.process.metrics import Metrics
from shared.store.outbox import Outbox
from shared.tracing.protocol import OFF, Tracing

log = structlog.get_logger(__name__)

BATCH_LIMIT = 200


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Work
    outcome: "asyncio.Future[Outcome]"


class Batcher:
    """The one way to change jobs and tasks, for a whole service. Use as a context manager."""

    def __init__(
        self,
        pool: Pool,
        broker: Broker,
        planner: Planner,
        metrics: Metrics | None = None,
        tracing: Tracing = OFF,
    ) -> None:
        self._tracing = tracing
        self._metrics = StoreMetrics(metrics or Metrics())
        self.outbox = Outbox(pool, broker, self._metrics.relayed)
        self._own = OwnConnection(pool)
        self._planner = planner
        self._waiting: list[_Waiting] = []
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Batcher":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner
        await self.outbox.close()
        await self._own.give_back()

    async def perform(self, batch: Sequence[Work]) -> list[Outcome | BaseException]:
        """Apply all of `batch`; for each its outcome, or the error that kept it from happening.

        An outcome is durable when it is returned; its messages are on their way.
        """
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(work, loop.create_future()) for work in batch]
        self._waiting += waiting
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return await asyncio.gather(*(w.outcome for w in waiting), return_exceptions=True)

    async def perform_one(self, work: Work) -> Outcome:
        """Apply one piece of work. Raises DatabaseUnavailable."""
        [outcome] = await self.perform([work])
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH_LIMIT], self._waiting[BATCH_LIMIT:]
            await self._apply(batch)

    async def _apply(self, batch: list[_Waiting]) -> None:
        sent = self.outbox.take_sent()
        began = time.perf_counter()
        try:
            connection = await self._own.get()
            outcomes, rows, said = await apply(
                connection, self._planner, [w.work for w in batch], sent
            )
        except DatabaseUnavailable as error:
            self.outbox.put_back(sent)
            _fail(batch, error)
            return
        except Exception as error:
            self.outbox.put_back(sent)
            if len(batch) == 1:
                log.exception("work failed", kind=type(batch[0].work.event).__name__)
                self._metrics.failed.inc()
                _fail(batch, error)
                return
            for waiting in batch:
                await self._apply([waiting])
            return
        lasted = time.perf_counter() - began
        self._metrics.batch_seconds.observe(lasted)
        self._metrics.batch_events.observe(len(batch))
        self.outbox.send(rows)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            self._note(waiting.work, outcome)
            if not waiting.outcome.done():
                waiting.outcome.set_result(outcome)
        _tell_ends(said)
        if self._tracing.is_on:
            decided = zip((w.work.event for w in batch), outcomes, strict=True)
            record_batch(self._tracing, decided, said, time.time() - lasted)

    def _note(self, work: Work, outcome: Outcome) -> None:
        event = work.event
        if isinstance(outcome, Ignored):
            kind = type(event).__name__
            self._metrics.ignored.labels(kind).inc()
            log.debug("ignored", event_kind=kind, job=event.job_id, why=outcome.reason)
        elif isinstance(outcome, Decision):
            for task in (*outcome.tasks, *outcome.new_tasks):
                log.debug("task", job=task.job_id, task=task.id, state=task.state.value)


def _tell_ends(said: Sequence[Command]) -> None:
    """A line for each job that is over. Not its error: texts hold what is hidden elsewhere."""
    for command in said:
        if isinstance(command, AnnounceJob) and not command.is_progress:
            job = command.job
            if job.state.is_final:
                log.info("job ended", job=job.id, state=job.state.value)


def _fail(batch: list[_Waiting], error: BaseException) -> None:
    for waiting in batch:
        if not waiting.outcome.done():
            waiting.outcome.set_exception(error)


Failures = list[BaseException | None]


async def perform_all(engine: Batcher, groups: Sequence[Sequence[Work]]) -> Failures:
    """Perform the work of several messages together; for each message its first failure."""
    outcomes = iter(await engine.perform([work for group in groups for work in group]))
    failures: Failures = []
    for group in groups:
        own = [next(outcomes) for _ in group]
        failures.append(next((o for o in own if isinstance(o, BaseException)), None))
    return failures
