"""What a cron expression may say, and what is wrong with one that says something else."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from shared.jobspec.cron import Timetable, check_cron, last_until, parse_cron, zone_name

START = datetime(2026, 1, 1, tzinfo=UTC)  # a Thursday


def firings(table: Timetable, start: datetime = START) -> Iterator[datetime]:
    found = table.next_after(start)
    while found is not None:
        yield found
        found = table.next_after(found)


def first(cron: str, count: int = 3) -> list[str]:
    found = islice(firings(parse_cron(cron, None, START)), count)
    return [f"{at:%a %d %b %H:%M}" for at in found]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0/20 * * * *", ["Thu 01 Jan 00:20", "Thu 01 Jan 00:40", "Thu 01 Jan 01:00"]),
        ("30 9-17/4 * * *", ["Thu 01 Jan 09:30", "Thu 01 Jan 13:30", "Thu 01 Jan 17:30"]),
        ("0 0 * * MON,fri", ["Fri 02 Jan 00:00", "Mon 05 Jan 00:00", "Fri 09 Jan 00:00"]),
        ("0 0 * * 7", ["Sun 04 Jan 00:00", "Sun 11 Jan 00:00", "Sun 18 Jan 00:00"]),
        ("0 0 ? feb-mar sun-sat", ["Sun 01 Feb 00:00", "Mon 02 Feb 00:00", "Tue 03 Feb 00:00"]),
        # Both kinds of day: either is enough
        ("0 0 3 * mon", ["Sat 03 Jan 00:00", "Mon 05 Jan 00:00", "Mon 12 Jan 00:00"]),
        ("0 0 */20 * fri", ["Fri 02 Jan 00:00", "Fri 09 Jan 00:00", "Fri 16 Jan 00:00"]),
        # One of them left open: the other decides
        ("0 0 31 * *", ["Sat 31 Jan 00:00", "Tue 31 Mar 00:00", "Sun 31 May 00:00"]),
        # The last day of a month, the last and the second Friday of one
        ("0 0 L * *", ["Sat 31 Jan 00:00", "Sat 28 Feb 00:00", "Tue 31 Mar 00:00"]),
        ("0 0 1,l * ?", ["Sat 31 Jan 00:00", "Sun 01 Feb 00:00", "Sat 28 Feb 00:00"]),
        ("0 0 * * friL", ["Fri 30 Jan 00:00", "Fri 27 Feb 00:00", "Fri 27 Mar 00:00"]),
        ("0 0 * * 0L,7#1", ["Sun 04 Jan 00:00", "Sun 25 Jan 00:00", "Sun 01 Feb 00:00"]),
        ("0 0 ? * FRI#2", ["Fri 09 Jan 00:00", "Fri 13 Feb 00:00", "Fri 13 Mar 00:00"]),
        ("0 0 * * 5#5", ["Fri 30 Jan 00:00", "Fri 29 May 00:00", "Fri 31 Jul 00:00"]),
        ("0 0 L * mon#1,wed", ["Mon 05 Jan 00:00", "Wed 07 Jan 00:00", "Wed 14 Jan 00:00"]),
        ("0 0 * 2 sun#5", ["Sun 29 Feb 00:00", "Sun 29 Feb 00:00"]),
        ("@hourly", ["Thu 01 Jan 01:00", "Thu 01 Jan 02:00", "Thu 01 Jan 03:00"]),
        ("@weekly", ["Sun 04 Jan 00:00", "Sun 11 Jan 00:00", "Sun 18 Jan 00:00"]),
        ("@yearly", ["Fri 01 Jan 00:00", "Sat 01 Jan 00:00", "Mon 01 Jan 00:00"]),
        ("@every 1h30m", ["Thu 01 Jan 01:30", "Thu 01 Jan 03:00", "Thu 01 Jan 04:30"]),
        ("CRON_TZ=Asia/Kolkata 0 6 * * *", ["Thu 01 Jan 00:30", "Fri 02 Jan 00:30"]),
        ("TZ=America/New_York 0 6 * * *", ["Thu 01 Jan 11:00", "Fri 02 Jan 11:00"]),
    ],
)
def test_an_expression_fires_when_it_says(cron: str, expected: list[str]) -> None:
    assert first(cron, len(expected)) == expected


@pytest.mark.parametrize(
    ("cron", "rule"),
    [
        ("* * * *", "must have five fields .*, not 4"),
        ("0 * * * * *", "must have five fields .*, not 6"),
        ("60 * * * *", "minute: 60: must be between 0 and 59"),
        ("0 5-3 * * *", "hour: 5-3: a range must not end before it begins"),
        ("*/0 * * * *", "minute: .* a step must be at least 1"),
        ("0 0 L-3 * *", "day of month: L-3: must be"),
        ("0 0 L/2 * *", "day of month: L/2: must be"),
        ("0 0 L, * *", "day of month: L,: must be"),
        ("L 0 * * *", "minute: L: must be"),
        ("0 0 1#2 * *", "day of month: 1#2: must be"),
        ("0 0 * * L", "day of week: L: must be"),
        ("0 0 * * 1#0", "day of week: 1#0: the number after # must be between 1 and 5"),
        ("0 0 * * fri#12", "day of week: fri#12: the number after # must be"),
        ("0 0 * * 8#1", "day of week: 8#1: must be between 0 and 7"),
        ("0 0 * * foo#1", "day of week: foo#1: must be"),
        ("0 0 * * 1-5#2", "day of week: 1-5#2: must be"),
        ("0 0 15W * *", "day of month: 15W: must be"),
        ("0 0 * foo *", "month: foo: must be"),
        ("1,,2 * * * *", "minute: 1,,2: must be"),
        ("*-5 * * * *", r"minute: \*-5: must be"),
        ("0 0 30 2 *", "names a day that never comes"),
        ("@often", "@often is unknown: known are @yearly"),
        ("@every 0s", "@every must be longer than zero"),
        ("@every soon", "must be a duration such as"),
        ("CRON_TZ=Mars/Olympus 0 0 * * *", "must be the name of a time zone .* not Mars/Olympus"),
        ("CRON_TZ=../etc 0 0 * * *", "must be the name of a time zone"),
        ("CRON_TZ=America 0 0 * * *", "must be the name of a time zone"),
    ],
)
def test_a_broken_expression_is_refused_with_its_rule(cron: str, rule: str) -> None:
    with pytest.raises(ValueError, match=f"(?i){rule}"):
        check_cron(cron)


def test_a_zone_in_front_of_the_expression_must_not_contradict_the_other() -> None:
    assert zone_name("TZ=Asia/Tokyo 0 0 * * *", "Asia/Tokyo") == "Asia/Tokyo"
    assert zone_name("0 0 * * *", None) == "UTC"
    with pytest.raises(ValueError, match="cron names the time zone Asia/Tokyo, timezone says UTC"):
        zone_name("TZ=Asia/Tokyo 0 0 * * *", "UTC")


def test_every_counts_from_the_start_however_late_it_is_asked() -> None:
    table = parse_cron("@every 90s", None, START + timedelta(seconds=7))
    assert table.next_after(START + timedelta(hours=1)) == START + timedelta(seconds=3607)
    assert table.next_after(START - timedelta(days=1)) == START + timedelta(seconds=97)


MINUTES = st.sampled_from(["*", "*/7", "0", "5-50/9", "0,17,59", "30/10"])
HOURS = st.sampled_from(["*", "*/5", "0", "23", "9-17", "1,2,3"])
DAYS = st.sampled_from(["*", "1", "31", "*/10", "13-19", "29"])
MONTHS = st.sampled_from(["*", "2,5", "jan-mar", "*/4", "12"])
WEEKDAYS = st.sampled_from(["*", "sun", "1-5", "6"])
CRONS = st.tuples(MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS).map(" ".join)
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=UTC)
)


@given(CRONS, INSTANTS)
def test_where_clocks_never_change_another_implementation_agrees(
    cron: str, instant: datetime
) -> None:
    ours = list(islice(firings(parse_cron(cron, None, START), instant), 5))
    theirs = croniter(cron, instant, ret_type=datetime)
    assert ours == [theirs.get_next() for _ in range(5)]


DAYS_AND_L = st.sampled_from(["*", "L", "1,L", "9-15", "1-31", "31"])
WEEKDAYS_AND_NTH = st.sampled_from(
    ["*", "1#5", "5#2", "5L", "0L,0#1", "1#1,3", "2#3,2L", "0-6", "0#5,6"]
)


@given(DAYS_AND_L, WEEKDAYS_AND_NTH, INSTANTS)
def test_days_are_those_of_a_printed_calendar(days: str, weekdays: str, instant: datetime) -> None:
    found = islice(firings(parse_cron(f"0 0 {days} * {weekdays}", None, START), instant), 20)
    following = (instant.date() + timedelta(n) for n in range(1, 4000))
    allowed = (day for day in following if is_allowed(day, days, weekdays))
    assert [at.date() for at in found] == list(islice(allowed, 20))


def is_allowed(day: date, days: str, weekdays: str) -> bool:
    is_last = (day + timedelta(1)).month != day.month
    of_month = any(is_last if it == "L" else day.day in numbers(it) for it in days.split(","))
    of_week = any(is_of_week(day, item) for item in weekdays.split(","))
    is_free = "*" in (days, weekdays)
    return of_month and of_week if is_free else of_month or of_week


def is_of_week(day: date, item: str) -> bool:
    weekday = day.isoweekday() % 7
    if item.endswith("L"):
        return weekday == int(item[0]) and (day + timedelta(7)).month != day.month
    if "#" in item:
        return (weekday, (day.day + 6) // 7) == tuple(map(int, item.split("#")))
    return weekday in numbers(item)


def numbers(item: str) -> range:
    first, _, last = "0-31".partition("-") if item == "*" else item.partition("-")
    return range(int(first), int(last or first) + 1)


@given(CRONS, INSTANTS, st.integers(0, 40))
def test_the_last_firing_up_to_an_instant_is_found(
    cron: str, instant: datetime, count: int
) -> None:
    table = parse_cron(cron, None, START)
    found = list(islice(firings(table, instant), count + 2))
    for late in (timedelta(0), (found[-1] - found[-2]) / 2):
        assert last_until(table, found[0], found[-2] + late) == found[-2]
