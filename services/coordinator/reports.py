"""The messages door for `completions`: claims and reports of workers become events."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from shared.lifecycle import TaskClaimed, TaskFailed, TaskReturned, TaskSucceeded
from shared.messages import Finished, Reports
from shared.store.apply import Work
from shared.store.engine import Engine, Failures, perform_all


async def on_reports(engine: Engine, messages: Sequence[Reports]) -> Failures:
    return await perform_all(engine, [list(_works(reports)) for reports in messages])


def _works(reports: Reports) -> Iterator[Work]:
    lease = timedelta(seconds=reports.lease_seconds)
    node = reports.node_id
    for claim in reports.claims:
        yield Work(TaskClaimed(claim.job_id, claim.task_id, claim.dispatch, node, lease))
    for finished in reports.finished:
        yield Work(_finished(finished, node), logs=finished.log)
    for returned in reports.returned:
        yield Work(TaskReturned(returned.job_id, returned.task_id, returned.dispatch, node))


def _finished(report: Finished, node: str) -> TaskSucceeded | TaskFailed:
    ref = (report.job_id, report.task_id, report.dispatch, node)
    if report.error is None:
        return TaskSucceeded(*ref, result=report.result, log_parts=report.log_parts)
    return TaskFailed(*ref, error=report.error, log_parts=report.log_parts)
