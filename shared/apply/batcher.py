"""Batches work for `apply`: what arrives while a batch commits goes into the next one.

A call to `perform` parks on a future until the batch that its work is in has been applied. An idle
batcher adds no delay, a busy one commits once for many events. If a batch fails it is applied one
by one, so that only the work that causes the failure fails.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from shared.apply.apply import Applied, Outcome, Work, apply
from shared.apply.spans import record_batch
from shared.broker.protocol import Broker
from shared.lifecycle import AnnounceJob, Command, Event, Ignored
from shared.planning.planner import Planner
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import OwnConnection, Pool
from shared.process.metrics import COUNTS_ONCE, ENDS, PUT_ASIDE, SECONDS, SIZES, Metrics, MetricSpec
from shared.store.outbox import Outbox
from shared.tracing.protocol import OFF, Tracing

_BATCH_EVENTS = MetricSpec(
    "batch_events",
    "Events applied in one transaction.",
    alarm="nearly all at 200: this coordinator is at its limit, start another",
    buckets=SIZES,
)
_BATCH_SECONDS = MetricSpec(
    "batch_seconds",
    "Duration of the transaction of a batch, commit included.",
    alarm="a median above 0.25 s: Postgres or its disk is slow",
    buckets=SECONDS,
)
_IGNORED = MetricSpec(
    "events_ignored_total",
    "Events that changed nothing, by kind: late, repeated, or of an earlier "
    "dispatch. `TaskSucceeded` and `TaskFailed` are late results.",
    COUNTS_ONCE,
    "none by itself; many late results mean that leases are too short for this network",
    labels=("event",),
)
_FAILED = MetricSpec(
    "events_failed_total",
    "Events that could not be applied for a permanent reason: their messages are dead-lettered.",
    PUT_ASIDE,
    "any increase: a defect, the log has its traceback",
)
_RELAYED = MetricSpec(
    "outbox_relayed_total",
    "Outbox rows sent by a relay instead of right after their commit: their "
    "sender crashed, or the broker was down.",
    ENDS,
    "a rate that stays above 0 while nothing is restarted",
)


class StoreMetrics:
    """Of one engine. Nothing is counted more than once a batch, but what is rare."""

    def __init__(self, metrics: Metrics) -> None:
        self.batch_events = metrics.histogram(_BATCH_EVENTS)
        self.batch_seconds = metrics.histogram(_BATCH_SECONDS)
        self.ignored = metrics.counter(_IGNORED)
        self.failed = metrics.counter(_FAILED)
        self.relayed = metrics.counter(_RELAYED)


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
        on_changes: Callable[[], None] | None = None,
    ) -> None:
        """`on_changes` is called when something was committed that is told of."""
        self._tracing = tracing
        self._metrics = StoreMetrics(metrics or Metrics())
        self.outbox = Outbox(pool, broker, self._metrics.relayed)
        self._own = OwnConnection(pool)
        self._planner = planner
        self._on_changes = on_changes
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
            applied = await apply(connection, self._planner, [w.work for w in batch], sent)
        except DatabaseUnavailable as error:
            self.outbox.put_back(sent)
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - a defect of one event: logged, and raised to its caller
            self.outbox.put_back(sent)
            await self._on_failed(batch, error)
        else:
            self.outbox.send(applied.rows)
            if self._on_changes is not None and applied.commands:
                self._on_changes()
            self._on_applied(batch, applied, time.perf_counter() - began)

    async def _on_failed(self, batch: list[_Waiting], error: Exception) -> None:
        if len(batch) > 1:
            for waiting in batch:
                await self._apply([waiting])
            return
        log.exception("event_failed", event_kind=type(batch[0].work.event).__name__)
        self._metrics.failed.inc()
        _fail(batch, error)

    def _on_applied(self, batch: list[_Waiting], applied: Applied, seconds: float) -> None:
        self._metrics.batch_seconds.observe(seconds)
        self._metrics.batch_events.observe(len(batch))
        for waiting, outcome in zip(batch, applied.outcomes, strict=True):
            self._record_outcome(waiting.work.event, outcome)
            if not waiting.outcome.done():
                waiting.outcome.set_result(outcome)
        _log_ended_jobs(applied.commands)
        if self._tracing.is_on:
            decided = zip((w.work.event for w in batch), applied.outcomes, strict=True)
            record_batch(self._tracing, decided, applied.commands, time.time() - seconds)

    def _record_outcome(self, event: Event, outcome: Outcome) -> None:
        if isinstance(outcome, Ignored):
            kind = type(event).__name__
            self._metrics.ignored.labels(kind).inc()
            log.debug("event_ignored", event_kind=kind, job=event.job_id, reason=outcome.reason)
        else:
            for task in (*outcome.tasks, *outcome.new_tasks):
                log.debug("task_changed", job=task.job_id, task=task.id, state=task.state.value)


def _log_ended_jobs(commands: Sequence[Command]) -> None:
    """A line for each job that has ended. Without its error, which may quote hidden values."""
    for command in commands:
        if isinstance(command, AnnounceJob) and not command.is_progress:
            job = command.job
            if job.state.is_final:
                log.info("job_ended", job=job.id, state=job.state.value)


def _fail(batch: list[_Waiting], error: BaseException) -> None:
    for waiting in batch:
        if not waiting.outcome.done():
            waiting.outcome.set_exception(error)


Failures = list[BaseException | None]


async def perform_all(batcher: Batcher, groups: Sequence[Sequence[Work]]) -> Failures:
    """Perform the work of several messages together; for each message its first failure."""
    outcomes = iter(await batcher.perform([work for group in groups for work in group]))
    failures: Failures = []
    for group in groups:
        own = [next(outcomes) for _ in group]
        failures.append(next((o for o in own if isinstance(o, BaseException)), None))
    return failures
