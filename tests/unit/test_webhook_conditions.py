"""Conditions of webhooks as they are written for Tork: what is true there is true here."""

from datetime import UTC, datetime

import pytest

from services.webhook_dispatcher.requests import is_wanted
from services.webhook_dispatcher.summaries import job_now, names_of_summary, summary_of
from shared.expressions import Allowance
from shared.messages import Change
from tests.support.jobs.job_rows import JOB_ROW

_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_OF_JOB = Change(job_id="j", version=3, state="COMPLETED", at=_AT, position=2, progress=100.0)
_OF_TASK = Change(
    job_id="j",
    version=2,
    state="COMPLETED",
    at=_AT,
    position=1,
    progress=100.0,
    task_id="t",
    task_name="t",
    description="td",
    var="v",
    tags=["q"],
    created_at=_AT,
    scheduled_at=_AT,
    started_at=_AT,
    completed_at=_AT,
)


def _is_wanted(condition: str, change: Change) -> bool:
    names = names_of_summary(summary_of(change, JOB_ROW), job_now(JOB_ROW))
    return is_wanted(condition, names, Allowance(50_000))


@pytest.mark.parametrize(
    "condition",
    [
        "job.Error == ''",
        "job.ParentID == ''",
        "job.Description == ''",
        "job.Result == ''",
        "job.Position == 2",
        "job.TaskCount == 1",
        "job.Progress == 100",
        "job.CreatedBy != nil",
        "job.CreatedBy.Username == 'guest'",
        "job.Schedule == nil",
        "job.FailedAt == nil",
        "job.CompletedAt != nil",
        "job.CompletedAt.Sub(job.StartedAt).Seconds() < 1",
        "job.CreatedAt.Year() == 2026",
        "job.Inputs.a == 'x'",
        "job.Inputs.nope == ''",
        "'t' in job.Tags",
        "len(job.Error) == 0",
        "job.error == ''",
        "{{ job.State == 'COMPLETED' }}",
    ],
)
def test_a_condition_of_a_job_that_is_true_in_tork_is_true(condition: str) -> None:
    assert _is_wanted(condition, _OF_JOB)


@pytest.mark.parametrize(
    "condition",
    [
        "task.Error == ''",
        "task.JobID == job.ID",
        "task.Description == 'td'",
        "task.Var == 'v'",
        "'q' in task.Tags",
        "len(task.Tags) == 1",
        "task.CreatedAt != nil",
        "task.ScheduledAt != nil",
        "task.StartedAt != nil",
        "task.CompletedAt != nil",
        "task.Progress == 0",
        "task.Result == ''",
        "task.Position == 1",
        "job.Error == ''",
        "job.Position == 2",
        "job.CreatedBy.Username == 'guest'",
    ],
)
def test_a_condition_of_a_task_that_is_true_in_tork_is_true(condition: str) -> None:
    assert _is_wanted(condition, _OF_TASK)


@pytest.mark.parametrize("condition", ["job.Error != ''", "job.Nope == ''", "job.Position == 1"])
def test_a_condition_that_is_not_true_in_tork_is_not_true(condition: str) -> None:
    assert not _is_wanted(condition, _OF_JOB)
