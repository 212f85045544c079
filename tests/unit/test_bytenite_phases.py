"""The phases of a partitioned job, row by row."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.jobspec.bytenite.phases import ORDER, JobRows, Phase, StageRow, phase_of, timestamps

START = datetime(2030, 1, 1, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def job(state: str = "RUNNING", *stages: StageRow, **fields: Any) -> JobRows:
    given = {"created_at": START, "released_at": at(1), **fields}
    return JobRows(state=state, stages=dict(enumerate(stages, 1)), **given)


DONE = [StageRow(state="COMPLETED", scheduled_at=at(10 * n), started_at=at(10 * n + 1),
                 ended_at=at(10 * n + 9)) for n in range(1, 5)]  # fmt: skip


def now(state: str, **fields: Any) -> StageRow:
    return StageRow(state=state, **fields)


@pytest.mark.parametrize(
    ("rows", "phase"),
    [
        (job("PENDING", is_held=True), Phase.NEW),
        (job("PENDING"), Phase.STARTED),
        (job("SCHEDULED", now("PENDING")), Phase.STARTED),
        (job("SCHEDULED", now("SCHEDULED", scheduled_at=at(2))), Phase.UPLOADING),
        (job("RUNNING", now("RUNNING")), Phase.PARTITIONING),
        (job("RUNNING", now("PENDING", attempt=1)), Phase.PARTITIONING),
        (job("RUNNING", now("SCHEDULED", attempt=1)), Phase.PARTITIONING),
        (job("RUNNING", DONE[0]), Phase.PARTITIONED),
        (job("RUNNING", DONE[0], now("RUNNING")), Phase.PARTITIONED),
        (job("RUNNING", *DONE[:2]), Phase.TASKS_COMPLETED),
        (job("RUNNING", *DONE[:2], now("SCHEDULED")), Phase.TASKS_COMPLETED),
        (job("RUNNING", *DONE[:2], now("RUNNING")), Phase.MERGING),
        (job("RUNNING", *DONE[:3]), Phase.MERGED),
        (job("RUNNING", *DONE[:3], now("SCHEDULED")), Phase.MERGED),
        (job("RUNNING", *DONE[:3], now("RUNNING")), Phase.DOWNLOADING),
        (job("COMPLETED", *DONE), Phase.COMPLETE),
        (job("FAILED", now("FAILED")), Phase.FAILED),
        (job("CANCELLED", DONE[0], now("CANCELLED")), Phase.FAILED),
    ],
)
def test_a_phase_is_what_the_rows_say(rows: JobRows, phase: Phase) -> None:
    assert phase_of(rows) is phase


def test_a_completed_job_has_the_time_of_each_phase_in_their_order() -> None:
    found = timestamps(job("COMPLETED", *DONE, ended_at=at(60)))

    assert list(found) == [phase for phase in ORDER if phase is not Phase.FAILED]
    assert list(found.values()) == sorted(found.values())


def test_a_failed_job_has_the_times_of_what_it_reached_and_of_its_end() -> None:
    found = timestamps(job("FAILED", DONE[0], now("FAILED", started_at=at(20)), ended_at=at(30)))

    reached = [Phase.NEW, Phase.STARTED, Phase.UPLOADING, Phase.PARTITIONING, Phase.PARTITIONED]
    assert list(found) == [*reached, Phase.FAILED]
    assert found[Phase.FAILED] == at(30)


def test_a_phase_that_runs_again_after_a_retry_has_a_time() -> None:
    found = timestamps(job("RUNNING", now("SCHEDULED", attempt=1, scheduled_at=at(5))))

    assert found[Phase.PARTITIONING] == at(5)
