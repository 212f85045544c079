"""What a job may keep in the store of files."""

from datetime import UTC, datetime

import pytest

from shared.lifecycle import Job, JobState, TaskFailed, TaskSucceeded, within_quota

REF = ("job", "task", 1, "node")


def job(kept_bytes: int) -> Job:
    return Job(
        id="job",
        state=JobState.RUNNING,
        task_count=1,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        kept_bytes=kept_bytes,
    )


@pytest.mark.parametrize(
    ("had", "more", "most"),
    [
        (0, 10, None),
        (4, 6, 10),
        (10, 0, 10),
        (20, 0, 10),  # the quota was lowered: what keeps nothing more is none of its business
        (20, -5, 10),
    ],
)
def test_an_attempt_counts_as_it_is_while_its_job_keeps_no_more_than_it_may(
    had: int, more: int, most: int | None
) -> None:
    for event in (
        TaskSucceeded(*REF, result="a result", kept_bytes=more),
        TaskFailed(*REF, error="boom", kept_bytes=more),
    ):
        assert within_quota(job(had), event, most) is event


def test_an_attempt_that_would_have_its_job_keep_more_has_failed_and_keeps_nothing() -> None:
    counted = within_quota(job(4), TaskSucceeded(*REF, log_parts=3, kept_bytes=7), 10)
    error = (
        "the job would keep more bytes of files than it may (CONVEYOR_FILES_JOB_BYTES): "
        "11, and at most 10"
    )
    assert counted == TaskFailed(*REF, error=error, log_parts=3)
    failed = TaskFailed(*REF, error="boom", cause="exit", exit_code=3, kept_bytes=7)
    assert within_quota(job(4), failed, 10) == TaskFailed(
        *REF, error="boom", cause="exit", exit_code=3
    )
