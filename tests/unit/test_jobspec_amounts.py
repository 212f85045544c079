"""Durations, memory and processors as job files spell them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.definition.quantities import format_duration, parse_cpus, parse_duration, parse_memory


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1.s", 1),
        ("500ms", 0.5),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("1h0m0s", 3600),
        ("0", 0),
        ("+2s", 2),
        ("-2s", -2),
        ("1s1s", 2),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "s", "1d", "1h 30m", "h1", "1,5s", "--1s", "1e3s", "٣s", ".s", "1h\n"]
)
def test_what_go_does_not_read_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration such as"):
        parse_duration(text)


def test_a_duration_is_at_most_what_go_can_count() -> None:
    assert parse_duration("2562047h") == timedelta(hours=2562047)
    with pytest.raises(ValueError, match="at most 2562047h"):
        parse_duration("2562048h")
    with pytest.raises(ValueError, match="at most 2562047h"):
        parse_duration("9" * 20 + "h")


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(hours=6), "6h"),
        (timedelta(seconds=1.5), "1.5s"),
        (timedelta(milliseconds=250), "250ms"),
        (timedelta(hours=1, seconds=1), "1h1s"),
        (timedelta(seconds=-90), "-1m30s"),
    ],
)
def test_a_duration_is_written_as_short_as_it_can_be(length: timedelta, text: str) -> None:
    assert format_duration(length) == text


@given(st.timedeltas(timedelta(days=-100_000), timedelta(days=100_000)))
def test_a_written_duration_reads_back_the_same(length: timedelta) -> None:
    assert parse_duration(format_duration(length)) == length


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("10b", 10),
        ("500m", 500 * 2**20),
        ("500MB", 500 * 2**20),
        ("1.5g", 3 * 2**29),
        ("1 GiB", 2**30),
        ("2k", 2048),
    ],
)
def test_memory_counts_in_powers_of_1024(text: str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "m", "0", "0m", "-1m", "1x", "1mm", "1e3", "0.1b", "9000p"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_memory(text)


@pytest.mark.parametrize(("text", "cpus"), [("1", 1.0), ("0.5", 0.5), (".25", 0.25), ("16.", 16.0)])
def test_processors_may_be_parts(text: str, cpus: float) -> None:
    assert parse_cpus(text) == cpus


@pytest.mark.parametrize("text", ["", "0", "0.0", "-1", "1e3", "nan", "inf", "two", "1_0"])
def test_what_is_no_number_of_processors_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_cpus(text)
