"""Which firings a schedule makes when some are due."""

from datetime import UTC, datetime, timedelta

import pytest

from services.scheduler.catch_up import (
    CATCH_UP_LIMIT,
    LATE_AFTER,
    CatchUp,
    Due,
    Missed,
    caught_up,
)
from shared.jobspec.cron import parse_cron
from shared.jobspec.cron.stored import Firings

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
FIRINGS = Firings("s", parse_cron("@hourly", None, START), timedelta(0))
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def due(catch_up: str, late: timedelta) -> Due:
    return Due(FIRINGS, CatchUp(Missed(catch_up)), START, START + late)


def firings(due: Due) -> list[datetime]:
    return list(caught_up(due).times)


def at(*hours: int) -> tuple[datetime, ...]:
    return tuple(START + hour * HOUR for hour in hours)


@pytest.mark.parametrize("catch_up", ["none", "one", "all"])
@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), LATE_AFTER])
def test_what_is_due_now_is_made_whatever_the_policy(catch_up: str, late: timedelta) -> None:
    assert firings(due(catch_up, late)) == [START]


def test_none_lets_a_missed_firing_pass() -> None:
    assert firings(due("none", LATE_AFTER + MINUTE)) == []


def test_none_still_makes_the_one_that_is_due_now() -> None:
    assert firings(due("none", 5 * HOUR)) == [START + 5 * HOUR]


def test_one_makes_the_last_of_those_missed() -> None:
    assert firings(due("one", 5 * HOUR + 30 * MINUTE)) == [START + 5 * HOUR]


def test_all_makes_each_in_order() -> None:
    assert firings(due("all", 2 * HOUR + MINUTE)) == [START, START + HOUR, START + 2 * HOUR]


def test_of_very_many_the_latest_are_made() -> None:
    made = firings(due("all", timedelta(days=365)))
    assert len(made) == CATCH_UP_LIMIT
    assert made[-1] == START + timedelta(days=365)
    assert made[0] == START + timedelta(days=365) - HOUR * (CATCH_UP_LIMIT - 1)


FIVE_LATE = 5 * HOUR + 30 * MINUTE  # of 0, 1, 2, 3, 4 and 5 o'clock


@pytest.mark.parametrize(
    ("catch_up", "times", "passed"),
    [
        (CatchUp(Missed.NONE), at(), at(0, 5)),
        (CatchUp(Missed.ONE), at(5), at(0, 4)),
        (CatchUp(Missed.ONE, window=10 * MINUTE), at(), at(0, 5)),
        (CatchUp(Missed.ONE, window=30 * MINUTE), at(5), at(0, 4)),
        (CatchUp(Missed.ALL), at(0, 1, 2, 3, 4, 5), None),
        (CatchUp(Missed.ALL, window=2 * HOUR), at(4, 5), at(0, 3)),
        (CatchUp(Missed.ALL, window=100 * HOUR, most=3), at(3, 4, 5), at(0, 2)),
        (CatchUp(Missed.ALL, window=2 * HOUR, most=1), at(5), at(0, 4)),
    ],
)
def test_what_is_not_made_up_for_is_named(
    catch_up: CatchUp, times: tuple[datetime, ...], passed: tuple[datetime, datetime] | None
) -> None:
    caught = caught_up(Due(FIRINGS, catch_up, START, START + FIVE_LATE))
    assert (caught.times, caught.passed) == (times, passed)


def test_no_window_is_so_short_that_a_firing_in_time_is_missed() -> None:
    catch_up = CatchUp(Missed.ALL, window=timedelta(0))
    assert firings(Due(FIRINGS, catch_up, START, START + LATE_AFTER)) == [START]
