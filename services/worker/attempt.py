"""One dispatch of one task, from its message to its report.

A pipeline of small steps: claim and prepare side by side, start when granted, wait, report. What
interrupts it (a stop order, a lost lease, the time-out, draining) ends whichever step it is in.
Only a task that was granted is reported as failed; the rest is dropped or handed back.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from conveyor.extensions.runtimes import (
    Outcome,
    RuntimeDeclined,
    RuntimeRejected,
    RuntimeUnavailable,
)
from services.worker.definition import Definitions, Unsealed
from services.worker.failures import Failure, failure_of_error, failure_of_outcome
from services.worker.files.execution import FiledExecution
from services.worker.files.services import FileServices
from services.worker.held_tasks import HeldTask, Interruption, grace_of
from services.worker.leftovers import remove_earlier
from services.worker.metrics import WorkerMetrics
from services.worker.progress_reports import ProgressReports
from services.worker.reporter import Reporter
from services.worker.runtime_watch import RuntimeWatch
from services.worker.settings import WorkSettings
from services.worker.spans import dispatch_span
from services.worker.task_log import TaskLog
from shared.broker.publisher import Publisher
from shared.definition.quantities import format_duration
from shared.messages import (
    Claim,
    Finished,
    Returned,
    RunTask,
)
from shared.process.metrics import Metrics
from shared.process.redaction import Redactor
from shared.process.sealing import SealingError
from shared.tracing.current import step
from shared.tracing.protocol import OFF, Tracing


@dataclass(frozen=True, slots=True)
class AttemptContext:
    node_id: str
    settings: WorkSettings
    watch: RuntimeWatch
    definitions: Definitions
    reporter: Reporter
    telemetry: Publisher
    files: FileServices
    lease_is_valid: Callable[[HeldTask], bool]  # whether a lease, once granted, certainly lasts
    tracing: Tracing = OFF
    metrics: WorkerMetrics = field(default_factory=lambda: WorkerMetrics(Metrics()))


log = structlog.get_logger(__name__)

T = TypeVar("T")

_STOP_AGAIN_SECONDS = 1.0
_LEASE_LOOK_SECONDS = 0.5
_NO_SECRETS = Redactor()


class _Interrupted(Exception):
    def __init__(self, why: Interruption) -> None:
        self.why = why


async def _end(step: "asyncio.Task[None]") -> None:
    """What it raised is no matter any more."""
    if step.done():
        with suppress(asyncio.CancelledError):
            step.exception()  # seen: asyncio would tell of it otherwise
    else:
        step.cancel()
        await asyncio.gather(step, return_exceptions=True)


class Attempt:
    def __init__(self, context: AttemptContext, order: RunTask, held: HeldTask) -> None:
        self._context = context
        self._order = order
        self._held = held
        self._ref = held.ref.model_dump()
        self._clock: asyncio.TimerHandle | None = None
        self._claimed = asyncio.Event()
        self._redactor = _NO_SECRETS
        self._log = log.bind(job=order.job_id, task=order.task_id, dispatch=order.dispatch)
        self._started_at = 0.0
        self._execution: FiledExecution | None = None

    async def run(self) -> None:
        """Run to the end, whatever it is; nothing is raised for what a task may do."""
        with dispatch_span(self._context.tracing, self._order, self._context.node_id):
            await self._run()

    async def _run(self) -> None:
        try:
            unsealed = self._context.definitions.read(self._order)
        except Exception as error:  # noqa: BLE001 - whatever it is, trying again gives the same
            # It can't run here or anywhere; claimed first, since only a granted task may fail.
            await self._fail_unread(error)
            return
        self._redactor = unsealed.redactor
        task_log = TaskLog(
            self._held.ref,
            self._context.node_id,
            self._context.telemetry,
            unsealed.redactor,
            self._context.settings.log_flush_seconds,
        )
        runtime, files = self._context.watch.runtime, self._context.files
        progress = ProgressReports(self._held.ref, self._context.node_id, self._context.telemetry)
        execution = self._execution = FiledExecution(
            lambda spec: runtime.execution(spec, task_log.write, progress),
            *(unsealed.spec, unsealed.files, files, task_log.write_line),
        )
        try:
            report = await self._drive(execution, task_log, unsealed)
            if isinstance(report, Finished) and self._held.entry.is_ended:
                self._log.warning("task_killed_by_watchdog", result="discarded")
                self._context.metrics.killed_by_watchdog.inc()
                report = Returned(**self._ref)
            if isinstance(report, Finished):
                # Before the cleaning up: the job's next task waits for it.
                await self._report(report)
        finally:
            if self._clock is not None:
                self._clock.cancel()
            await execution.close()
        if isinstance(report, Returned):
            # After it: whoever gets the task next must find nothing of it.
            await self._report(report)

    async def _drive(
        self, execution: FiledExecution, task_log: TaskLog, unsealed: Unsealed
    ) -> Finished | Returned | None:
        try:
            outcome = await self._perform(execution, unsealed)
        except _Interrupted as interrupted:
            return await self._on_interrupted(interrupted.why, task_log, unsealed)
        except RuntimeRejected as error:
            return await self._failed(task_log, failure_of_error(error))
        except RuntimeUnavailable as error:
            return await self._handed_back(error)
        except Exception as error:  # noqa: BLE001 - a defect: untold, it would be tried for ever
            self._log.exception("attempt_failed")
            await execution.close()
            reason = f"{type(error).__name__}: {error}"
            return await self._failed(task_log, Failure(f"the worker failed: {reason}"))
        if outcome.is_success:
            result = self._context.definitions.kept_result(outcome.output, unsealed)
            return await self._succeeded(task_log, result)
        return await self._failed(task_log, outcome)

    async def _perform(self, execution: FiledExecution, unsealed: Unsealed) -> Outcome:
        """Raises _Interrupted, and then nothing of the task runs any more."""
        preparing = asyncio.create_task(self._prepare(execution))
        try:
            with step("claim"):
                await self._be_granted()
            self._start_clock(unsealed.timeout_seconds)
            await self._unless_interrupted(preparing)
        finally:
            await _end(preparing)
        await remove_earlier(self._context.watch.runtime, unsealed.spec)
        self._check_lease()
        try:
            with step("run"):
                await execution.start()
                self._started_at = time.monotonic()
                self._log.debug("task_started")
                return await self._until_ended(execution, unsealed.spec.grace_seconds)
        except RuntimeUnavailable:
            # The engine may be away and its container alive: it must not be run elsewhere as well.
            await self._stop(execution)
            raise

    def _check_lease(self) -> None:
        """Raises _Interrupted.

        Also when nobody has interrupted yet: a process that was frozen may go on right here, and
        only then find out that the lease is over and another worker runs the task.
        """
        if not self._context.lease_is_valid(self._held):
            self._held.interrupt(Interruption.LEASE_LOST)
        if self._held.interrupted.done():
            raise _Interrupted(self._held.interrupted.result())

    async def _until_ended(self, execution: FiledExecution, grace_seconds: float) -> Outcome:
        waiting = asyncio.create_task(execution.wait())
        try:
            return await self._unless_interrupted(waiting)
        except _Interrupted as interrupted:
            if grace := grace_of(interrupted.why, grace_seconds):
                await self._terminate(execution, waiting, grace)
            await self._stop(execution)
            await asyncio.gather(waiting, return_exceptions=True)
            raise

    async def _terminate(
        self, execution: FiledExecution, waiting: "asyncio.Task[Outcome]", grace_seconds: float
    ) -> None:
        """Until it has ended by itself, its grace is over, or its lease is: others may run it then.

        An engine that can't be told takes from the grace; what still runs is killed after it.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + grace_seconds
        with suppress(RuntimeUnavailable, TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await execution.terminate()
        while not waiting.done() and self._context.lease_is_valid(self._held):
            if (left := until - loop.time()) <= 0:
                return
            await asyncio.wait([waiting], timeout=min(left, _LEASE_LOOK_SECONDS))

    async def _stop(self, execution: FiledExecution) -> None:
        """Until it is stopped; as long as it may run, heartbeats keep its lease."""
        while True:
            try:
                return await execution.stop()
            except RuntimeUnavailable as error:
                self._log.warning("stop_failed", error=str(error))
                await asyncio.sleep(_STOP_AGAIN_SECONDS)

    async def _prepare(self, execution: FiledExecution) -> None:
        """Once the claim has left: preparing may hold up the loop, the answer takes longer."""
        await self._claimed.wait()
        with step("prepare"):
            await execution.prepare()

    async def _be_granted(self) -> None:
        """Claim, and claim again while nobody answers."""
        claim = Claim(**self._ref)
        answers: list[asyncio.Future[Any]] = [self._held.granted, self._held.interrupted]
        while not self._held.is_granted:
            if self._held.interrupted.done():
                raise _Interrupted(self._held.interrupted.result())
            claiming = asyncio.create_task(self._context.reporter.report(claim))
            claiming.add_done_callback(lambda _: self._claimed.set())
            await asyncio.wait(
                answers,
                timeout=self._context.settings.claim_repeat_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            claiming.cancel()
        self._claimed.set()  # also when the grant was there first

    def _start_clock(self, timeout_seconds: float | None) -> None:
        if timeout_seconds is not None:
            self._clock = asyncio.get_running_loop().call_later(
                timeout_seconds, self._held.interrupt, Interruption.TIMED_OUT
            )

    async def _unless_interrupted(self, step: "asyncio.Task[T]") -> T:
        """The step's result. Raises _Interrupted; the step itself goes on."""
        if step.done():  # as when it was over before the grant came
            return step.result()
        ends: list[asyncio.Future[Any]] = [step, self._held.interrupted]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if step.done():
            return step.result()
        raise _Interrupted(self._held.interrupted.result())

    async def _on_interrupted(
        self, why: Interruption, task_log: TaskLog, unsealed: Unsealed
    ) -> Finished | Returned | None:
        self._log.info("task_interrupted", why=why.value)
        self._context.metrics.on_interrupted(why)
        match why:
            case Interruption.TIMED_OUT:
                limit = timedelta(seconds=unsealed.timeout_seconds or 0)
                error = f"timed out after {format_duration(limit)}"
                return await self._failed(task_log, Failure(error, "timeout"))
            case Interruption.DRAINED | Interruption.LEASE_LOST:
                # After a lost lease, too: it may have been the worker alone that could not be sure
                # of it, and else nobody would take the task up before it is found to be lost.
                return Returned(**self._ref)
            case Interruption.STOPPED if self._held.is_granted:
                # The state is decided already. Who follows the log learns where it ends.
                return Finished(error=why.value, **await self._end_of(task_log))
            case _:
                return None  # nothing of it ran here

    async def _succeeded(self, task_log: TaskLog, result: str | None) -> Finished:
        end = await self._end_of(task_log)
        self._log.info("task_succeeded", seconds=self._seconds)
        return Finished(result=result, exit_code=0, **end)

    async def _failed(self, task_log: TaskLog, how: Failure | Outcome) -> Finished:
        end = await self._end_of(task_log)
        if isinstance(how, Outcome):
            how = failure_of_outcome(how, task_log.last_words)
        error = self._redactor.text(how.error)
        self._log.info("task_failed", error=error, seconds=self._seconds)
        return Finished(error=error, exit_code=how.exit_code, cause=how.cause, **end)

    async def _end_of(self, task_log: TaskLog) -> dict[str, Any]:
        """Of what task, with the rest of its log and what it has kept."""
        tail = await task_log.finish()
        kept = self._execution.kept_without(self._redactor) if self._execution else []
        return {**self._ref, "log": tail, "log_parts": task_log.part_count, "artifacts": kept}

    async def _handed_back(self, error: RuntimeUnavailable) -> Returned:
        # What an engine says that somebody ends, with its worker perhaps, is not about the task.
        is_left_alone = (
            self._context.lease_is_valid(self._held) and not self._held.interrupted.done()
        )
        watch = self._context.watch
        is_declined = (
            isinstance(error, RuntimeDeclined) and is_left_alone and await watch.is_healthy()
        )
        # No slot takes another task before it is back, so the queue is no hot loop.
        watch.note_away(str(error))
        text = self._redactor.text(str(error))
        self._log.warning("task_returned", error=text, is_declined=is_declined)
        return Returned(**self._ref, error=text, is_declined=is_declined)

    async def _fail_unread(self, why: Exception) -> None:
        is_told = isinstance(why, SealingError | ValueError) and str(why)
        error = str(why) if is_told else f"can't read the task: {type(why).__name__}: {why}"
        try:
            await self._be_granted()
        except _Interrupted:
            return
        await self._report(Finished(**self._ref, error=error))

    @property
    def _seconds(self) -> float | None:
        """How long it has run; None when it has not been started."""
        return round(time.monotonic() - self._started_at, 3) if self._started_at else None

    async def _report(self, report: Finished | Returned) -> None:
        with step("report"):
            await self._context.reporter.report(report)
        if self._held.interrupted_by is not Interruption.STOPPED:  # else it was decided before
            self._context.metrics.on_reported(report)
