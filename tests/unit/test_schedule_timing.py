"""When a schedule fires that says more than one cron expression."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from shared.jobspec.cron.stored import Times, firings_of, next_firing
from shared.jobspec.cron.timetable import Calendar
from shared.jobspec.cron.timing import Timing, jitter_of
from shared.jobspec.tork.models import Schedule

CREATED = datetime(2026, 6, 1, 12, 0, 0, 500_000, tzinfo=UTC)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TEN = datetime(2026, 6, 2, 10, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def firings(timing: Timing, most: int = 4) -> list[str]:
    table, at = timing.timetable(CREATED), CREATED
    found: list[str] = []
    while len(found) < most and (following := table.next_after(at)):
        at = following
        found.append(f"{at:%d %H:%M:%S}")
    return found


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        (Timing(crons=["0 9 * * *", "30 17 * * *"]), ["01 17:30:00", "02 09:00:00"]),
        # Both at the same time: once
        (Timing(crons=["0 * * * *", "0 13 * * *"]), ["01 13:00:00", "01 14:00:00"]),
        (Timing(crons=["0 9 * * *"], timezone="Asia/Tokyo"), ["02 00:00:00", "03 00:00:00"]),
        (Timing(crons=["0 * * * *"], start_at=TEN), ["02 10:00:00", "02 11:00:00"]),
        (Timing(crons=["0 * * * *"], start_at=TEN + SECOND), ["02 11:00:00", "02 12:00:00"]),
        (Timing(interval=1.5 * HOUR), ["01 13:30:00", "01 15:00:00"]),
        (Timing(interval=HOUR, start_at=TEN), ["02 10:00:00", "02 11:00:00"]),
    ],
)
def test_it_fires_when_it_says(timing: Timing, expected: list[str]) -> None:
    assert firings(timing, len(expected)) == expected


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        (Timing(at=TEN), ["02 10:00:00"]),
        (Timing(at=TEN - timedelta(microseconds=1)), ["02 10:00:00"]),
        (Timing(at=NOON), []),
        (Timing(crons=["0 * * * *"], end_at=NOON + 2 * HOUR), ["01 13:00:00", "01 14:00:00"]),
        (Timing(interval=HOUR, start_at=TEN, end_at=TEN + SECOND), ["02 10:00:00"]),
        (Timing(crons=["0 0 1 1 *"], end_at=TEN), []),
    ],
)
def test_it_ends_when_it_says(timing: Timing, expected: list[str]) -> None:
    assert firings(timing) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"cron": "@hourly"}, "01 13:00"),
        ({"cron": "0 0 * * *", "timezone": "Asia/Tokyo"}, "01 15:00"),
        ({"crons": ["TZ=Asia/Tokyo 0 0 * * *", "@daily"]}, "01 15:00"),
        ({"interval": "90m"}, "01 13:30"),
        ({"at": "2026-06-02T10:00:00+02:00"}, "02 08:00"),
        ({"cron": "@hourly", "startAt": "2026-06-02T10:00:01Z"}, "02 11:00"),
    ],
)
def test_a_row_knows_when_its_schedule_fires_next(rules: dict[str, Any], expected: str) -> None:
    found = next_firing(Schedule(**rules).times("s", CREATED), CREATED)
    assert found is not None
    assert f"{found.at:%d %H:%M}" == expected
    assert found.look_at == found.at


def test_a_firing_that_is_spread_is_due_before_the_next_one() -> None:
    times = Schedule(cron="* * * * *", jitter="1h").times("s", CREATED)
    at, look_at = next_firing(times, CREATED) or (CREATED, CREATED)
    for _ in range(100):
        assert at <= look_at < at + timedelta(minutes=1)
        at, look_at = next_firing(times, at) or (CREATED, CREATED)


def test_jitter_is_the_same_wherever_it_is_asked_and_spreads_schedules() -> None:
    longest = 60 * SECOND
    found = [jitter_of(f"schedule {n}", NOON, longest) for n in range(1000)]
    assert found == [jitter_of(f"schedule {n}", NOON, longest) for n in range(1000)]
    assert min(found) >= timedelta(0)
    assert max(found) < longest
    counts = [sum(n * 6 <= each.total_seconds() < n * 6 + 6 for each in found) for n in range(10)]
    assert min(counts) > 60


def test_each_firing_of_a_schedule_has_another_jitter() -> None:
    found = [jitter_of("s", NOON + n * HOUR, 60 * SECOND) for n in range(5)]
    assert all(one != other for one, other in pairwise(found))
    assert jitter_of("s", NOON, timedelta(0)) == timedelta(0)


CENTURIES = "2562047h"


@pytest.mark.parametrize(
    "rules",
    [
        {"interval": CENTURIES},
        {"interval": CENTURIES, "jitter": CENTURIES},
        {"crons": [f"@every {CENTURIES}"]},
        {"crons": ["0 0 * 2 0#5"], "startAt": "8999-01-01T00:00:00Z", "jitter": CENTURIES},
        {"crons": ["0 0 29 2 *"], "startAt": "8999-01-01T00:00:00Z", "timezone": "Asia/Tokyo"},
        {"at": "8999-12-31T23:59:59Z", "jitter": CENTURIES},
    ],
)
def test_after_the_year_9999_there_are_no_times(rules: dict[str, Any]) -> None:
    firings = firings_of(Times("s", "", "UTC", rules, CREATED))
    found = firings.next_after(CREATED)
    while found is not None:
        last = found.at
        assert last <= found.look_at <= firings.latest(last)
        found = firings.next_after(last)
    assert last.year > 8990


def test_many_expressions_are_each_searched_once_for_each_of_their_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searches = Counter[Calendar]()
    search = Calendar.next_after

    def counted(table: Calendar, instant: datetime) -> datetime | None:
        searches[table] += 1
        return search(table, instant)

    crons = [f"{n % 60} {n % 24} * * *" for n in range(100)]
    rules: dict[str, Any] = {"crons": crons, "jitter": "1h"}
    firings = firings_of(Times("s", "", "UTC", rules, CREATED))
    monkeypatch.setattr(Calendar, "next_after", counted)
    times: list[datetime] = []
    found = firings.next_after(CREATED)
    while found is not None and len(times) < 100:
        times.append(found.at)
        found = firings.next_after(found.at)
    assert times == sorted(set(times))
    assert searches.total() <= len(crons) + len(times) + 2
