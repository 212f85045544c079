"""One dispatch of one task, from its message to its report.

A pipeline of small steps: claim and prepare side by side, start when granted, wait, report. What
interrupts it (a stop order, a lost lease, the time-out, draining) ends whichever step it is in.
Only a task that was granted is reported as failed; the rest is dropped or handed back.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from conveyor.extensions.runtimes import (
    Outcome,
    RuntimeDeclined,
    RuntimeRejected,
    RuntimeUnavailable,
)
from services.worker.blame import Fault
from services.worker.definition import Definitions, Unsealed
from services.worker.failures import Failure, failure_of_error, failure_of_outcome
from services.worker.files.execution import FiledExecution
from services.worker.files.services import FileServices
from services.worker.gpu_pool import GpuPool
from services.worker.held_tasks import HeldTask, Interruption, grace_of
from services.worker.kept.execution import execution_of, files_of
from services.worker.kept.record import KeptExecution
from services.worker.leftovers import remove_earlier
from services.worker.metrics import WorkerMetrics
from services.worker.node_hold import NodeHold
from services.worker.phases import phases_of_attempt
from services.worker.progress_reports import ProgressReports
from services.worker.reporter import Reporter
from services.worker.runtime_watch import RuntimeWatch
from services.worker.settings import WorkSettings
from services.worker.spans import dispatch_span
from services.worker.stopping import abandon, stop, terminate
from services.worker.task_log import TaskLog
from shared.broker.publisher import Publisher
from shared.definition.quantities import format_duration
from shared.messages import Claim, Finished, Returned, RunTask, Spawned
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
    hold: NodeHold
    tracing: Tracing = OFF
    gpus: GpuPool = field(default_factory=lambda: GpuPool(()))
    metrics: WorkerMetrics = field(default_factory=lambda: WorkerMetrics(Metrics()))


log = structlog.get_logger(__name__)

T = TypeVar("T")

_NO_SECRETS = Redactor()


class _Interrupted(Exception):
    def __init__(self, why: Interruption) -> None:
        self.why = why


class Attempt:
    def __init__(
        self,
        context: AttemptContext,
        order: RunTask,
        held: HeldTask,
        kept: KeptExecution | None = None,
    ) -> None:
        """`kept`, where it may outlive this worker, or has outlived the one before."""
        self._kept = kept
        self._phases = held.phases if kept is None else kept.phases
        held.phases = self._phases
        self._context = context
        self._order = order
        self._held = held
        self._ref = held.ref.model_dump()
        self._clock: asyncio.TimerHandle | None = None
        self._claimed = asyncio.Event()
        self._redactor = _NO_SECRETS
        self._token_digest: str | None = None
        self._log = log.bind(job=order.job_id, task=order.task_id, dispatch=order.dispatch)
        self._started_at = 0.0
        self._execution: FiledExecution | None = None

    async def run(self) -> None:
        """Run to the end, whatever it is; nothing is raised for what a task may do."""
        span = dispatch_span(self._context.tracing, self._order, self._context.node_id)
        with span, phases_of_attempt(self._phases):
            await self._run()

    async def _run(self) -> None:
        try:
            unsealed = self._context.definitions.read(self._order)
        except Exception as error:  # noqa: BLE001 - whatever it is, trying again gives the same
            # It can't run here or anywhere; claimed first, since only a granted task may fail.
            await self._fail_unread(error)
            return
        self._redactor, self._token_digest = unsealed.redactor, unsealed.token_digest
        task_log = TaskLog(
            self._held.ref,
            self._context.node_id,
            self._context.telemetry,
            unsealed.redactor,
            self._context.settings.log_flush_seconds,
            self._kept,
        )
        runtime, gpus = self._context.watch.runtime, self._context.gpus
        progress = ProgressReports(self._held.ref, self._context.node_id, self._context.telemetry)
        make = partial(execution_of, runtime, self._kept, task_log.write, progress)
        files = files_of(unsealed, self._kept)
        execution = self._execution = FiledExecution(
            lambda spec: gpus.execution(spec, make),
            *(unsealed.spec, files, self._context.files, task_log.write_line),
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
            await self._close(execution)
        if isinstance(report, Returned):
            # After it: whoever gets the task next must find nothing of it.
            await self._report(report)

    async def _drive(
        self, execution: FiledExecution, task_log: TaskLog, unsealed: Unsealed
    ) -> Finished | Returned | None:
        try:
            outcome = await self._perform(execution, task_log, unsealed)
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
            defect = Failure(f"the worker failed: {reason}", fault=Fault.DEFECT)
            return await self._failed(task_log, defect)
        if outcome.is_success:
            definitions = self._context.definitions
            result = definitions.kept_result(outcome.output, unsealed)
            spawned = definitions.kept_spawned(execution.spawned, unsealed)
            return await self._succeeded(task_log, result, outcome.exit_code, spawned)
        return await self._failed(task_log, outcome)

    async def _perform(
        self, execution: FiledExecution, task_log: TaskLog, unsealed: Unsealed
    ) -> Outcome:
        """Raises _Interrupted, and then nothing of the task runs any more."""
        preparing = asyncio.create_task(self._prepare(execution))
        try:
            with step("claim"):
                await self._be_granted()
            if self._kept is None or not self._kept.is_left:
                self._phases.start()
            self._start_clock(unsealed.timeout_seconds)
            if self._kept is not None:
                self._kept.on_kept = self._held.entry.keep
                await task_log.go_on()
            await self._unless_interrupted(preparing)
        finally:
            await abandon(preparing)
        if not self._held.is_found:
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
            await stop(execution, self._held.ref.task_id)
            raise

    def _lease_is_valid(self) -> bool:
        return self._context.lease_is_valid(self._held)

    def _check_lease(self) -> None:
        """Raises _Interrupted.

        Also when nobody has interrupted yet: a process that was frozen may go on right here, and
        only then find out that the lease is over and another worker runs the task.
        """
        if not self._lease_is_valid():
            self._held.interrupt(Interruption.LEASE_LOST)
        if self._held.interrupted.done():
            raise _Interrupted(self._held.interrupted.result())

    async def _until_ended(self, execution: FiledExecution, grace_seconds: float) -> Outcome:
        waiting = asyncio.create_task(execution.wait())
        try:
            return await self._unless_interrupted(waiting)
        except _Interrupted as interrupted:
            if interrupted.why is Interruption.LEFT:
                await abandon(waiting)
                raise
            if grace := grace_of(interrupted.why, grace_seconds):
                await terminate(execution, waiting, grace, self._lease_is_valid)
            await stop(execution, self._held.ref.task_id)
            await asyncio.gather(waiting, return_exceptions=True)
            raise

    async def _prepare(self, execution: FiledExecution) -> None:
        """Once the claim has left: preparing may hold up the loop, the answer takes longer."""
        await self._claimed.wait()
        with step("prepare"):
            await execution.prepare()

    async def _be_granted(self) -> None:
        """Claim, and claim again while nobody answers."""
        own = Claim(**self._ref, token_digest=self._token_digest)
        claim = own if self._kept is None else self._kept.claim
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
            has_run = self._kept.seconds_run if self._kept else 0.0
            self._clock = asyncio.get_running_loop().call_later(
                timeout_seconds - has_run, self._held.interrupt, Interruption.TIMED_OUT
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
        if self._held.is_found and not self._held.is_granted:
            return None  # it is not this worker's to give back
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
            case Interruption.LEFT:
                await task_log.leave()
                return None
            case _:
                return None  # nothing of it ran here

    async def _succeeded(
        self, task_log: TaskLog, result: str | None, exit_code: int, spawned: list[Spawned]
    ) -> Finished:
        end = await self._end_of(task_log)
        self._context.hold.forget_failures()
        self._log.info("task_succeeded", exit_code=exit_code, seconds=self._seconds)
        return Finished(result=result, exit_code=exit_code, spawned=spawned, **end)

    async def _failed(self, task_log: TaskLog, how: Failure | Outcome) -> Finished:
        end = await self._end_of(task_log)
        if isinstance(how, Outcome):
            how = failure_of_outcome(how, task_log.last_words)
        if how.fault is not None:
            self._blame_node(how.fault)
        error = self._redactor.text(how.error)
        self._log.info("task_failed", error=error, seconds=self._seconds)
        return Finished(
            error=error,
            exit_code=how.exit_code,
            cause=how.cause,
            is_out_of_memory=how.is_out_of_memory,
            **end,
        )

    async def _end_of(self, task_log: TaskLog) -> dict[str, Any]:
        """Of what task, with the rest of its log, what it has kept and how long it took."""
        tail = await task_log.finish()
        kept = self._execution.kept_without(self._redactor) if self._execution else []
        log = {"log": tail, "log_parts": task_log.part_count}
        told = {"timings": self._phases.timings(), "image_digest": self._phases.image_digest}
        return {**self._ref, **log, "artifacts": kept, **told}

    async def _handed_back(self, error: RuntimeUnavailable) -> Returned:
        # What an engine says that somebody ends, with its worker perhaps, is not about the task.
        is_left_alone = self._lease_is_valid() and not self._held.interrupted.done()
        watch = self._context.watch
        is_declined = (
            isinstance(error, RuntimeDeclined) and is_left_alone and await watch.is_healthy()
        )
        if is_declined:
            self._blame_node(Fault.DECLINED)
        # No slot takes another task before it is back, so the queue is no hot loop.
        watch.note_away(str(error))
        text = self._redactor.text(str(error))
        self._log.warning("task_returned", error=text, is_declined=is_declined)
        return Returned(**self._ref, error=text, is_declined=is_declined)

    def _blame_node(self, fault: Fault) -> None:
        self._context.hold.on_failure(self._order, fault, self._held.taken_at)

    async def _close(self, execution: FiledExecution) -> None:
        """Unless it goes on: with the next worker, or because it never was this one's."""
        was_granted = self._held.is_granted or not self._held.is_found
        if self._held.interrupted_by is Interruption.LEFT or not was_granted:
            return
        await execution.close()
        if self._kept is not None:
            self._kept.ended()

    async def _fail_unread(self, why: Exception) -> None:
        is_told = isinstance(why, SealingError | ValueError) and str(why)
        error = str(why) if is_told else f"can't read the task: {type(why).__name__}: {why}"
        if self._held.is_found:
            return  # it is ended as one that was refused
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
