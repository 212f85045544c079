"""Which spans a batch becomes, and where they hang."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.apply.spans import record_batch
from shared.lifecycle import (
    AnnounceJob,
    AnnounceTask,
    Ignored,
    Job,
    JobState,
    Parent,
    PlannedTask,
    Task,
    TaskProgressed,
    TaskState,
    TaskSucceeded,
)
from shared.tracing.protocol import Finished, Off, job_context, task_context

MADE_AT = datetime(2024, 5, 1, tzinfo=UTC)
ENDED_AT = MADE_AT + timedelta(seconds=7)


class Kept(Off):
    def __init__(self) -> None:
        self.spans: list[Finished] = []

    def record(self, finished: Finished) -> None:
        self.spans.append(finished)


def job(**changes: Any) -> Job:
    made = Job(id="j", state=JobState.COMPLETED, task_count=1, created_at=MADE_AT)
    return replace(made, **changes)


def task(**changes: Any) -> Task:
    made = Task(
        id="t",
        job_id="j",
        position=1,
        plan=PlannedTask(name="a", queue="default"),
        state=TaskState.COMPLETED,
        created_at=MADE_AT,
        completed_at=ENDED_AT,
    )
    return replace(made, **changes)


def of_commands(*commands: AnnounceJob | AnnounceTask) -> list[Finished]:
    kept = Kept()
    record_batch(kept, (), commands, 0)
    return kept.spans


def test_a_task_that_ended_is_a_span_beneath_its_job() -> None:
    [span] = of_commands(AnnounceTask(task(), job()))
    assert (span.own, span.parent) == (task_context("j", "t"), job_context("j"))
    assert span.ended - span.began == 7
    assert not span.is_failed


def test_a_child_hangs_beneath_its_parent() -> None:
    [span] = of_commands(AnnounceTask(task(parent_id="p"), job()))
    assert span.parent == task_context("j", "p")


def test_what_goes_on_is_no_span_yet() -> None:
    assert of_commands(AnnounceTask(task(state=TaskState.RUNNING), job())) == []
    assert of_commands(AnnounceJob(job(state=JobState.RUNNING))) == []


def test_a_job_that_failed_is_marked_and_its_error_is_not_told() -> None:
    [span] = of_commands(AnnounceJob(job(state=JobState.FAILED, error="token=12345")))
    assert span.is_failed
    assert "12345" not in repr(span)


def test_a_job_that_was_restarted_ends_in_a_span_beneath_its_first() -> None:
    [span] = of_commands(AnnounceJob(job(restarts=1)))
    assert (span.own, span.parent) == (None, job_context("j"))


def test_a_sub_job_and_the_task_that_stands_for_it_are_linked() -> None:
    parent = Parent(job_id="outer", task_id="stands", dispatch=1)
    [span] = of_commands(AnnounceJob(job(parent=parent)))
    assert span.links == (task_context("outer", "stands"),)
    [span] = of_commands(AnnounceTask(task(subjob_id="inner"), job()))
    assert span.links == [job_context("inner")]


def test_an_event_that_changed_nothing_tells_why_and_progress_is_left_out() -> None:
    kept = Kept()
    late = TaskSucceeded("j", "t", 1, "n1", "result")
    progress = TaskProgressed("j", "t", 1, 50.0)
    record_batch(kept, [(late, Ignored("too late")), (progress, Ignored("no news"))], (), 0)
    [span] = kept.spans
    assert (span.name, span.parent) == ("apply TaskSucceeded", task_context("j", "t"))
    assert span.facts["conveyor.ignored"] == "too late"
