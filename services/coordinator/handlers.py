"""The messages door: what workers report, and jobs of one another, as events; logs are stored."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from shared.apply.apply import Work
from shared.apply.batcher import Batcher, Failures, perform_all
from shared.lifecycle import (
    CancelContinued,
    ChildrenContinued,
    ExecutionAdopted,
    SubJobAbandoned,
    SubJobResumed,
    TaskClaimed,
    TaskFailed,
    TaskProgressed,
    TaskReturned,
    TaskSucceeded,
    Timings,
)
from shared.messages import Finished, Reports, Returned, SubJobSignals, Telemetry
from shared.postgres.pool import Pool, acquired
from shared.store.leases import Held, renew_or_stop
from shared.store.subjob_signals import subjob_ended
from shared.store.writing import Writes, write

_GREATEST_EXIT_CODE = 2**31 - 1


async def on_completions(
    batcher: Batcher, pool: Pool, messages: Sequence[Reports | SubJobSignals]
) -> Failures:
    if held := [held for message in messages for held in _in_hand(message)]:
        async with acquired(pool) as connection, connection.transaction():
            _, rows = await renew_or_stop(connection, held)
        batcher.outbox.send(rows)
    return await perform_all(batcher, [list(_works(message)) for message in messages])


def _in_hand(message: Reports | SubJobSignals) -> Iterator[Held]:
    if isinstance(message, Reports):
        lease = timedelta(seconds=message.lease_seconds)
        yield from (Held(ref, message.node_id, lease) for ref in message.still_held)


def _works(message: Reports | SubJobSignals) -> Iterator[Work]:
    return _of_worker(message) if isinstance(message, Reports) else _of_jobs(message)


def _of_worker(reports: Reports) -> Iterator[Work]:
    lease = timedelta(seconds=reports.lease_seconds)
    node = reports.node_id
    for claim in reports.claims:
        ref = claim.job_id, claim.task_id, claim.dispatch, node
        yield Work(TaskClaimed(*ref, lease, claim.token_digest))
    for finished in reports.finished:
        yield Work(
            _finished(finished, node),
            logs=finished.log,
            kept=finished.artifacts,
            spawned=finished.spawned,
        )
    for adopted in reports.adopted:
        ref = adopted.job_id, adopted.task_id, adopted.dispatch, node
        yield Work(ExecutionAdopted(*ref, adopted.from_node_id, lease))
    for returned in reports.returned:
        yield Work(_returned(returned, node))


def _finished(report: Finished, node: str) -> TaskSucceeded | TaskFailed:
    ref = (report.job_id, report.task_id, report.dispatch, node)
    if report.error is None:
        return TaskSucceeded(
            *ref,
            result=report.result,
            log_parts=report.log_parts,
            exit_code=_kept(report.exit_code) or 0,
            timings=_timings(report),
            image_digest=report.image_digest,
        )
    return TaskFailed(
        *ref,
        error=report.error,
        log_parts=report.log_parts,
        cause=report.cause,
        exit_code=_kept(report.exit_code),
        is_out_of_memory=report.is_out_of_memory,
        timings=_timings(report),
        image_digest=report.image_digest,
    )


def _returned(report: Returned, node: str) -> TaskReturned:
    return TaskReturned(
        report.job_id,
        report.task_id,
        report.dispatch,
        node,
        error=report.error,
        is_declined=report.is_declined,
        is_lost=report.is_lost,
    )


def _timings(report: Finished) -> Timings:
    return [(t.phase, t.started_ms, t.duration_ms) for t in report.timings] or None


def _kept(exit_code: int | None) -> int | None:
    """None for what no column of ours holds: the report must count, and its error tells."""
    fits = exit_code is not None and abs(exit_code) <= _GREATEST_EXIT_CODE
    return exit_code if fits else None


def _of_jobs(subjob_signals: SubJobSignals) -> Iterator[Work]:
    for end in subjob_signals.ended:
        yield Work(subjob_ended(end))
    for abandon in subjob_signals.abandoned:
        yield Work(SubJobAbandoned(abandon.job_id, abandon.dispatch))
    for resume in subjob_signals.resumed:
        yield Work(SubJobResumed(resume.job_id, resume.dispatch))
    for parent in subjob_signals.continued:
        yield Work(ChildrenContinued(parent.job_id, parent.task_id))
    for job_id in subjob_signals.cancelling:
        yield Work(CancelContinued(job_id))


async def on_telemetry(batcher: Batcher, pool: Pool, messages: Sequence[Telemetry]) -> Failures:
    parts = [part for message in messages for part in message.logs]
    if parts:
        async with acquired(pool) as connection:
            await write(connection, Writes(log_parts=parts))
    return await perform_all(batcher, [_progress(message) for message in messages])


def _progress(message: Telemetry) -> list[Work]:
    return [
        Work(TaskProgressed(p.job_id, p.task_id, p.dispatch, p.progress)) for p in message.progress
    ]
