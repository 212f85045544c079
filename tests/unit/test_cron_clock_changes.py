"""Schedules on the days when clocks change."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobspec.cron import parse_cron

BERLIN = "Europe/Berlin"  # 29 March 2026: 02:00 becomes 03:00; 25 October: 03:00 becomes 02:00
NEW_YORK = "America/New_York"  # 8 March: 02:00 becomes 03:00; 1 November: 02:00 becomes 01:00
LORD_HOWE = "Australia/Lord_Howe"  # 4 October: 02:00 becomes 02:30; 5 April: 02:00 becomes 01:30
SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def on_day(cron: str, zone: str, day: str) -> list[str]:
    """What fires on that day of the zone's calendar: the time it shows and its offset."""
    place = ZoneInfo(zone)
    midnight = datetime.fromisoformat(day).replace(tzinfo=place)
    end = midnight + timedelta(days=1)
    found = between(cron, zone, midnight.astimezone(UTC), end.astimezone(UTC))
    return [f"{at.astimezone(place):%H:%M%z}" for at in found]


def between(cron: str, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    table = parse_cron(cron, zone, SOME_TIME)
    at = table.next_after(start - timedelta(seconds=1))
    while at is not None and at < end:
        yield at
        at = table.next_after(at)


@pytest.mark.parametrize(
    ("zone", "day", "cron", "expected"),
    [
        (BERLIN, "2026-03-29", "30 2 * * *", ["03:00+0200"]),
        (BERLIN, "2026-03-29", "0,30 2 * * *", ["03:00+0200"]),
        (BERLIN, "2026-03-29", "*/15 2 * * *", ["03:00+0200"]),
        (BERLIN, "2026-03-29", "30 2,3 * * *", ["03:00+0200", "03:30+0200"]),
        (BERLIN, "2026-03-29", "0 2,3 * * *", ["03:00+0200"]),
        (NEW_YORK, "2026-03-08", "59 2 * * *", ["03:00-0400"]),
        (LORD_HOWE, "2026-10-04", "15 2 * * *", ["02:30+1100"]),
        (LORD_HOWE, "2026-10-04", "45 2 * * *", ["02:45+1100"]),
    ],
)
def test_a_time_that_the_clock_skips_fires_once_right_after_the_gap(
    zone: str, day: str, cron: str, expected: list[str]
) -> None:
    assert on_day(cron, zone, day) == expected


@pytest.mark.parametrize(
    ("zone", "day", "cron", "expected"),
    [
        (BERLIN, "2026-10-25", "30 2 * * *", ["02:30+0200"]),
        (BERLIN, "2026-10-25", "0,30 2 * * *", ["02:00+0200", "02:30+0200"]),
        (BERLIN, "2026-10-25", "0 2-3 * * *", ["02:00+0200", "03:00+0100"]),
        (NEW_YORK, "2026-11-01", "30 1 * * *", ["01:30-0400"]),
        (LORD_HOWE, "2026-04-05", "45 1 * * *", ["01:45+1100"]),
    ],
)
def test_a_time_that_the_clock_shows_twice_fires_the_first_time(
    zone: str, day: str, cron: str, expected: list[str]
) -> None:
    assert on_day(cron, zone, day) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "day", "minutes"),
    [
        (BERLIN, "2026-03-29", 23 * 60),
        (BERLIN, "2026-10-25", 25 * 60),
        (NEW_YORK, "2026-11-01", 25 * 60),
        (LORD_HOWE, "2026-10-04", 23 * 60 + 30),
        (LORD_HOWE, "2026-04-05", 24 * 60 + 30),
    ],
)
def test_what_runs_by_the_minute_runs_through_every_minute_there_is(
    zone: str, day: str, minutes: int
) -> None:
    assert len(on_day("* * * * *", zone, day)) == minutes
    assert len(on_day("*/5 * * * *", zone, day)) == minutes // 5


def test_what_runs_every_hour_runs_in_both_of_a_doubled_hour_and_not_for_a_skipped_one() -> None:
    assert on_day("30 * * * *", BERLIN, "2026-10-25")[1:5] == [
        "01:30+0200",
        "02:30+0200",
        "02:30+0100",
        "03:30+0100",
    ]
    assert on_day("30 * * * *", BERLIN, "2026-03-29")[1:3] == ["01:30+0100", "03:30+0200"]


def test_a_day_that_the_calendar_skips_is_made_up_for() -> None:
    # Samoa went from 29 to 31 December 2011 when it changed sides of the date line
    start, end = datetime(2011, 12, 29, 20, tzinfo=UTC), datetime(2011, 12, 31, 21, tzinfo=UTC)
    shown = [f"{at:%d %H:%M}" for at in between("0 9 * * *", "Pacific/Apia", start, end)]
    assert shown == ["30 10:00", "30 19:00", "31 19:00"]


ZONES = st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, "America/Sao_Paulo", "Africa/Casablanca"])
CRONS = st.builds(
    "{} {} * * *".format,
    st.sampled_from(["*", "*/7", "0", "30", "15,45", "0-30"]),
    st.sampled_from(["*", "*/2", "0", "1", "2", "3", "1-3", "23"]),
)
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=UTC, microsecond=0)
)


@given(CRONS, ZONES, INSTANTS)
def test_firings_go_strictly_forward_and_none_is_passed_over(
    cron: str, zone: str, instant: datetime
) -> None:
    table = parse_cron(cron, zone, SOME_TIME)
    following = table.next_after(instant)
    assert following is not None
    assert following > instant
    # Asked from anywhere before it, it is the same: nothing lies between
    for part in (0.1, 0.5, 0.9):
        assert table.next_after(instant + (following - instant) * part) == following


CHANGES = [
    (BERLIN, datetime(2026, 3, 29, 1, tzinfo=UTC)),
    (BERLIN, datetime(2026, 10, 25, 1, tzinfo=UTC)),
    (NEW_YORK, datetime(2026, 3, 8, 7, tzinfo=UTC)),
    (NEW_YORK, datetime(2026, 11, 1, 6, tzinfo=UTC)),
    (LORD_HOWE, datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    (LORD_HOWE, datetime(2026, 4, 4, 15, tzinfo=UTC)),
]


@given(st.sampled_from(CHANGES), st.integers(0, 23), st.integers(0, 59))
def test_a_daily_time_fires_once_a_day_also_around_a_change(
    change: tuple[str, datetime], hour: int, minute: int
) -> None:
    zone, at = change
    for days in (-1, 0, 1):
        day = (at.astimezone(ZoneInfo(zone)) + timedelta(days=days)).date().isoformat()
        assert len(on_day(f"{minute} {hour} * * *", zone, day)) == 1


@given(st.sampled_from(CHANGES), st.sampled_from(["* * * * *", "*/10 * * * *", "0 * * * *"]))
def test_around_a_change_each_minute_that_matches_the_clock_fires(
    change: tuple[str, datetime], cron: str
) -> None:
    zone, at = change
    start, end = at - timedelta(hours=3), at + timedelta(hours=3)
    minutes = (start + timedelta(minutes=n) for n in range(6 * 60))
    step = {"*": 1, "*/10": 10, "0": 60}[cron.split()[0]]
    matching = [m for m in minutes if m.astimezone(ZoneInfo(zone)).minute % step == 0]
    assert list(between(cron, zone, start, end)) == matching
