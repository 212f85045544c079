"""When a schedule fires that says more than one cron expression."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared.jobspec.cron.timing import Timing, jitter_of

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
    ("timing", "rule"),
    [
        (Timing(), "must have exactly one of cron, crons, interval and at"),
        (Timing(crons=["@daily"], interval=HOUR), "must have exactly one of"),
        (Timing(interval=HOUR, at=TEN), "must have exactly one of"),
        (Timing(interval=0 * HOUR), "interval must be at least 1s"),
        (Timing(interval=SECOND / 2), "interval must be at least 1s"),
        (Timing(at=TEN, end_at=TEN), "at allows neither startAt nor endAt"),
        (Timing(interval=HOUR, start_at=TEN, end_at=NOON), "endAt must not be before startAt"),
        (Timing(crons=["@daily", "61 * * * *"]), "minute: 61: must be between 0 and 59"),
        (Timing(crons=["TZ=UTC @daily"], timezone="Asia/Tokyo"), "cron names the time zone UTC"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_rule(timing: Timing, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        timing.timetable(CREATED)


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
