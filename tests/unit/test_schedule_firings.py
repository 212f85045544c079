"""Which firings a schedule makes when some are due."""

from datetime import UTC, datetime, timedelta

import pytest

from services.scheduler.firing import CATCH_UP_LIMIT, LATE_AFTER, Due, firings
from shared.jobspec.cron import parse_cron

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOURLY = parse_cron("@hourly", None, START)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def due(catch_up: str, late: timedelta) -> Due:
    return Due(HOURLY, catch_up, START, START + late)


@pytest.mark.parametrize("catch_up", ["none", "one", "all"])
@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), LATE_AFTER])
def test_what_is_due_now_is_made_whatever_the_policy(catch_up: str, late: timedelta) -> None:
    assert list(firings(due(catch_up, late))) == [START]


def test_none_lets_a_missed_firing_pass() -> None:
    assert list(firings(due("none", LATE_AFTER + MINUTE))) == []


def test_none_still_makes_the_one_that_is_due_now() -> None:
    assert list(firings(due("none", 5 * HOUR))) == [START + 5 * HOUR]


def test_one_makes_the_last_of_those_missed() -> None:
    assert list(firings(due("one", 5 * HOUR + 30 * MINUTE))) == [START + 5 * HOUR]


def test_all_makes_each_in_order() -> None:
    assert list(firings(due("all", 2 * HOUR + MINUTE))) == [START, START + HOUR, START + 2 * HOUR]


def test_of_very_many_the_latest_are_made() -> None:
    made = firings(due("all", timedelta(days=365)))
    assert len(made) == CATCH_UP_LIMIT
    assert made[-1] == START + timedelta(days=365)
    assert made[0] == START + timedelta(days=365) - HOUR * (CATCH_UP_LIMIT - 1)
