"""What becomes of many schedules that are due together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.scheduler.firing import MOST_JOBS, planned
from services.scheduler.store.schedules import DueSchedule, Move
from shared.definition import encode
from shared.lifecycle import OutputEvaluated
from shared.planning.planner import Planner
from shared.planning.templates import JobSource
from shared.process.sealing import Sealer
from tests.support.jobs.definitions import job_definition

DUE_AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPEC = encode(job_definition(name="x", tasks=[{"name": "t", "run": "true"}]))


def due(schedule_id: str, *, late: timedelta = timedelta(0), **columns: Any) -> DueSchedule:
    due = DueSchedule(
        id=schedule_id,
        cron="* * * * *",
        timezone="UTC",
        overlap="allow",
        catch_up="all",
        rules={},
        spec=SPEC,
        sealed=None,
        created_by="ann",
        readers=["user:ann"],
        created_at=DUE_AT - MINUTE,
        next_at=DUE_AT,
        now=DUE_AT + late,
    )
    return replace(due, **columns)


def test_each_makes_its_job_and_moves_on() -> None:
    plan = planned([due("a"), due("b", cron="0 12 * * *")], (), Sealer())
    (a,), (b,) = (firing.jobs for firing in plan.firings)
    assert a.job.id != b.job.id
    assert (a.schedule_id, a.created_by, a.readers) == ("a", "ann", ["user:ann"])
    assert a.schedule_at == DUE_AT
    assert [firing.move for firing in plan.firings] == [
        Move("a", DUE_AT + MINUTE, DUE_AT, a.job.id),
        Move("b", DUE_AT + timedelta(days=1), DUE_AT, b.job.id),
    ]


def test_the_same_firing_makes_the_same_job_whoever_makes_it() -> None:
    ids = [planned([due("a")], (), Sealer()).firings[0].jobs[0].job.id for _ in range(2)]
    assert ids[0] == ids[1]


def test_one_with_an_active_job_moves_on_without_a_job() -> None:
    plan = planned([due("a", overlap="skip"), due("b", overlap="skip")], {"a"}, Sealer())
    assert [len(firing.jobs) for firing in plan.firings] == [0, 1]
    assert plan.firings[0].move == Move("a", DUE_AT + MINUTE, None, None)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"timezone": "Mars/Base"}, "schedule: must be the name of a time zone"),
        ({"spec": {"name": "x", "tasks": 1}}, "the job breaks the rules of this version: "),
        ({"sealed": "x"}, "secrets: "),
    ],
)
def test_one_that_cannot_fire_keeps_no_other_from_firing(columns: dict[str, Any], why: str) -> None:
    plan = planned([due("a"), due("b", **columns), due("c")], (), Sealer())
    assert [firing.due.id for firing in plan.firings] == ["a", "c"]
    ((held, said),) = plan.held_back
    assert held.id == "b"
    assert said.startswith(why)


def test_what_would_make_too_many_jobs_stays_due() -> None:
    taken = [due(str(n), late=59 * MINUTE) for n in range(10)]
    plan = planned(taken, (), Sealer())
    assert [firing.due.id for firing in plan.firings] == ["0", "1", "2", "3"]
    assert MOST_JOBS <= sum(len(firing.jobs) for firing in plan.firings) < MOST_JOBS + 60
    assert not plan.held_back


def test_a_firing_is_as_late_as_the_database_says() -> None:
    plan = planned([due("a", late=1.5 * MINUTE)], (), Sealer())
    assert plan.firings[0].seconds_late == [90, 30]


@pytest.mark.parametrize(
    ("made_by", "expected"),
    [
        ({"schedule_id": "s", "schedule_at": DUE_AT}, "s 2026-06-01T12:00:00Z"),
        ({}, " "),  # it was run again by hand
    ],
)
def test_expressions_read_what_made_the_job_and_when_it_was_due(
    made_by: dict[str, Any], expected: str
) -> None:
    output = "{{ schedule.id }} {{ schedule.scheduledAt }}"
    job = JobSource(job_id="j", name="j", inputs={}, sealed=None, defaults=None, output=output)
    answer = Planner(Sealer()).output(replace(job, **made_by), {}, {})
    assert isinstance(answer, OutputEvaluated)
    assert answer.result == expected
