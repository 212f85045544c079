"""What becomes of many schedules that are due together."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.scheduler.firing import MOST_JOBS, Around, Firing, Skip, planned
from services.scheduler.store.schedules import Move, TakenSchedule
from shared.definition import TemplateUse, encode
from shared.jobspec.cron.stored import firings_of
from shared.lifecycle import OutputEvaluated
from shared.planning.planner import Planner
from shared.planning.templates import JobSource
from shared.process.sealing import Sealer
from tests.support.jobs.definitions import job_definition

DUE_AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPEC = encode(job_definition(name="x", tasks=[{"name": "t", "run": "true"}]))


def due(schedule_id: str, *, late: timedelta = timedelta(0), **columns: Any) -> TakenSchedule:
    due = TakenSchedule(
        id=schedule_id,
        state="ACTIVE",
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
        runs=0,
        failures=0,
        held=[],
        note=None,
        now=DUE_AT + late,
    )
    return replace(due, **columns)


def moved(schedule_id: str, next_at: datetime | None, **columns: Any) -> Move:
    move = Move(
        id=schedule_id,
        state="ACTIVE",
        next_at=next_at,
        look_at=next_at,
        last_at=None,
        last_job_id=None,
        runs=0,
        failures=0,
        held=(),
        note=None,
    )
    return move._replace(**columns)


def outcome(taken: TakenSchedule, around: Around | None = None) -> Firing:
    (firing,) = planned([taken], {taken.id: around or Around()}, Sealer()).firings
    return firing


def test_each_makes_its_job_and_moves_on() -> None:
    plan = planned([due("a"), due("b", cron="0 12 * * *")], {}, Sealer())
    (a,), (b,) = (firing.jobs for firing in plan.firings)
    assert a.job.id != b.job.id
    assert (a.schedule_id, a.created_by, a.readers) == ("a", "ann", ["user:ann"])
    assert a.schedule_at == DUE_AT
    assert [firing.move for firing in plan.firings] == [
        moved("a", DUE_AT + MINUTE, last_at=DUE_AT, last_job_id=a.job.id, runs=1),
        moved("b", DUE_AT + timedelta(days=1), last_at=DUE_AT, last_job_id=b.job.id, runs=1),
    ]


def test_the_same_firing_makes_the_same_job_whoever_makes_it() -> None:
    ids = [planned([due("a")], {}, Sealer()).firings[0].jobs[0].job.id for _ in range(2)]
    assert ids[0] == ids[1]


def test_one_with_an_active_job_moves_on_without_a_job() -> None:
    around = {"a": Around(active=["j"])}
    plan = planned([due("a", overlap="skip"), due("b", overlap="skip")], around, Sealer())
    assert [len(firing.jobs) for firing in plan.firings] == [0, 1]
    assert plan.firings[0].move == moved("a", DUE_AT + MINUTE)


@dataclass(frozen=True)
class Template:
    """Of somebody's, in version 1.1; `document` is a job."""

    document: dict[str, Any]
    schema: dict[str, Any]
    name: str = "t"
    tag: str = "t@1.1"
    language: str | None = None
    owner: str | None = "ann"
    is_active: bool = True
    sealed: str | None = None


def of_template(**inputs: Any) -> dict[str, Any]:
    """What a schedule of `t@1` stores since version 1.0."""
    use = TemplateUse(tag="t@1", version="t@1.0", owner="ann", inputs=inputs)
    tasks = [{"name": "t", "run": "old"}]
    return encode(replace(job_definition(name="mine", tasks=tasks), template=use))


TEMPLATE = Template(
    encode(job_definition(name="t", tasks=[{"name": "t", "run": "new"}])),
    {"properties": {"width": {"type": "integer", "default": 160}}},
)


def test_a_schedule_of_a_template_makes_its_job_of_what_the_template_is_now() -> None:
    taken = due("a", spec=of_template(width="320"))
    ((new,),) = [f.jobs for f in planned([taken], {}, Sealer(), {"a": TEMPLATE}).firings]
    assert (new.definition.name, new.definition.tasks[0].run) == ("mine", "new")
    assert new.definition.inputs == {"width": "320"}
    assert new.definition.template
    assert (new.definition.template.tag, new.definition.template.version) == ("t@1", "t@1.1")


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (None, "template t@1 does not exist any more"),
        (replace(TEMPLATE, owner="eve"), "template t@1 does not exist any more"),
        (replace(TEMPLATE, is_active=False), "template t@1.1 is inactive"),
        (
            replace(TEMPLATE, schema={"properties": {"height": {"type": "integer"}}}),
            "template t@1.1: inputs.width: the template has no such input",
        ),
    ],
)
def test_a_schedule_whose_template_makes_no_job_stays_due_and_says_why(
    template: Template | None, why: str
) -> None:
    taken = [due("a", spec=of_template(width="320")), due("b")]
    plan = planned(taken, {}, Sealer(), {"a": template} if template else {})
    assert [firing.taken.id for firing in plan.firings] == ["b"]
    ((held, said),) = plan.held_back
    assert held.id == "a"
    assert said.startswith(why)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"timezone": "Mars/Base"}, "schedule: must be the name of a time zone"),
        ({"spec": {"name": "x", "tasks": 1}}, "the job breaks the rules of this version: "),
        ({"sealed": "x"}, "secrets: "),
    ],
)
def test_one_that_cannot_fire_keeps_no_other_from_firing(columns: dict[str, Any], why: str) -> None:
    plan = planned([due("a"), due("b", **columns), due("c")], {}, Sealer())
    assert [firing.taken.id for firing in plan.firings] == ["a", "c"]
    ((held, said),) = plan.held_back
    assert held.id == "b"
    assert said.startswith(why)


def test_what_would_make_too_many_jobs_stays_due() -> None:
    taken = [due(str(n), late=59 * MINUTE) for n in range(10)]
    plan = planned(taken, {}, Sealer())
    assert [firing.taken.id for firing in plan.firings] == ["0", "1", "2", "3"]
    assert MOST_JOBS <= sum(len(firing.jobs) for firing in plan.firings) < MOST_JOBS + 60
    assert not plan.held_back


def test_a_firing_is_as_late_as_the_database_says() -> None:
    plan = planned([due("a", late=1.5 * MINUTE)], {}, Sealer())
    assert plan.firings[0].seconds_late == [90, 30]


ACTIVE = Around(active=["running"])


def test_what_is_held_goes_on_when_the_job_before_it_is_final() -> None:
    buffered = due("a", overlap="bufferOne")
    held = outcome(buffered, ACTIVE)
    assert (held.jobs, held.held, held.move.held) == ([], [DUE_AT], (DUE_AT,))
    later = DUE_AT + MINUTE
    waiting = replace(buffered, held=[DUE_AT], next_at=later, now=DUE_AT + MINUTE / 2)
    assert outcome(waiting, ACTIVE).move == moved("a", later, held=(DUE_AT,))
    ended = outcome(waiting, Around(ended=["COMPLETED"], by_rules={DUE_AT}))
    assert (ended.times, ended.move.held, ended.move.runs) == ((DUE_AT,), (), 1)
    assert ended.move.next_at == later
    assert ended.seconds_late == []
    # A second one finds no room
    full = outcome(replace(waiting, now=later), ACTIVE)
    why = "overlap is bufferOne: 1 held already"
    assert full.skips == [Skip(later, later, why)]


def test_the_job_before_is_cancelled_only_for_one_that_is_made() -> None:
    assert outcome(due("a", overlap="cancelOther"), ACTIVE).cancels == ["running"]
    early = due("a", overlap="cancelOther", late=-MINUTE)
    assert not outcome(early, ACTIVE).cancels


@pytest.mark.parametrize(
    ("columns", "by_rules", "made", "state"),
    [
        ({"rules": {"maxRuns": 2}, "runs": 1}, 0, 1, "ENDED"),
        ({"rules": {"maxRuns": 3}, "runs": 1}, 0, 1, "ACTIVE"),
        ({"rules": {"maxRuns": 2}, "late": 9 * MINUTE}, 0, 2, "ENDED"),
        ({"rules": {"at": "2026-06-01T12:00:00Z"}, "cron": ""}, 0, 1, "ENDED"),
        ({"rules": {"endAt": "2026-06-01T12:00:30Z"}}, 0, 1, "ENDED"),
        ({"rules": {"endAt": "2026-06-01T12:01:00Z"}}, 0, 1, "ACTIVE"),
        # What it holds will be a run, unless it was triggered
        (
            {"rules": {"maxRuns": 1}, "overlap": "bufferAll", "held": [DUE_AT - MINUTE]},
            1,
            1,
            "ENDED",
        ),
        (
            {"rules": {"maxRuns": 1}, "overlap": "bufferAll", "held": [DUE_AT - MINUTE]},
            0,
            1,
            "ENDED",
        ),
        (
            {"rules": {"maxRuns": 2}, "overlap": "bufferAll", "held": [DUE_AT - MINUTE]},
            0,
            1,
            "ACTIVE",
        ),
    ],
)
def test_a_schedule_ends_with_its_last_firing(
    columns: dict[str, Any], by_rules: int, made: int, state: str
) -> None:
    schedule = due("a", **columns)
    found = outcome(schedule, Around(by_rules=set(schedule.held[:by_rules])))
    assert (len(found.jobs), found.move.state) == (made, state)
    assert (found.move.next_at is None) == (state == "ENDED")


@pytest.mark.parametrize(
    ("failures", "ended", "expected", "state"),
    [
        (0, ["FAILED"], 1, "ACTIVE"),
        (0, ["FAILED", "FAILED"], 2, "PAUSED"),
        (1, ["FAILED"], 2, "PAUSED"),
        (1, ["CANCELLED", None], 1, "ACTIVE"),
        (1, ["COMPLETED", "FAILED"], 1, "ACTIVE"),
    ],
)
def test_jobs_that_fail_in_a_row_pause_it(
    failures: int, ended: list[str | None], expected: int, state: str
) -> None:
    found = outcome(due("a", rules={"pauseOnFailure": 2}, failures=failures), Around(ended=ended))
    assert (found.move.failures, found.move.state) == (expected, state)
    assert len(found.jobs) == (state == "ACTIVE")
    note = "paused by pauseOnFailure: 2 failed jobs in a row" if state == "PAUSED" else None
    assert found.move.note == note
    assert found.skips == ([Skip(DUE_AT, DUE_AT, note)] if note else [])


def test_a_paused_schedule_keeps_what_it_holds() -> None:
    paused = due("a", state="PAUSED", next_at=None, held=[DUE_AT], overlap="bufferOne", note="why")
    found = outcome(paused, Around(ended=["FAILED"]))
    expected = moved("a", None, state="PAUSED", held=[DUE_AT], failures=1, note="why")
    assert (found.move, found.jobs) == (expected, ())


def test_what_is_spread_is_due_only_when_its_turn_comes_and_is_not_late() -> None:
    spread = due("a", rules={"jitter": "1m"}, catch_up="none")
    look_at = firings_of(spread).look_at(DUE_AT)
    assert DUE_AT < look_at < DUE_AT + MINUTE
    assert outcome(spread).move.look_at == look_at
    found = outcome(replace(spread, now=look_at + timedelta(seconds=1)))
    assert (found.times, found.seconds_late) == ((DUE_AT,), [1])
    assert [new.schedule_at for new in found.jobs] == [DUE_AT]
    # Of several that are past, the last may still wait
    late = firings_of(spread).look_at(DUE_AT + 5 * MINUTE) - timedelta(seconds=1)
    found = outcome(replace(spread, now=late, catch_up="all"))
    assert found.times == tuple(DUE_AT + n * MINUTE for n in range(5))
    assert found.move.next_at == DUE_AT + 5 * MINUTE


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
