"""Two streams become one log: no line is torn, none is lost, and it is known whose each is."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from conveyor.extensions.runtimes import STDERR, STDOUT
from services.worker.log_streams import LogStreams, Run, StderrLines, text_of

writes = st.lists(
    st.tuples(st.sampled_from([STDOUT, STDERR]), st.text("ab\n", max_size=6)), max_size=20
)


def merged(given: list[tuple[int, str]]) -> list[Run]:
    streams = LogStreams(3600.0)
    for stream, text in given:
        streams.write(text.encode(), stream, 0.0)
    return streams.take_all(0.0)


def own_lines(given: list[tuple[int, str]], stream: int) -> list[str]:
    text = "".join(text for number, text in given if number == stream)
    return text.removesuffix("\n").split("\n") if text else []


def shown(runs: list[Run]) -> tuple[list[str], list[str]]:
    """The lines that are and that are not marked."""
    text = text_of(runs)
    ranges = StderrLines(runs).within(text, 0, len(text))
    numbers = {n for first, last in ranges for n in range(first, last + 1)}
    lines = list(enumerate(text.removesuffix("\n").split("\n"), 1)) if text else []
    return (
        [line for n, line in lines if n not in numbers],
        [line for n, line in lines if n in numbers],
    )


@given(writes)
def test_every_line_is_whole_and_of_its_own_stream(given: list[tuple[int, str]]) -> None:
    assert shown(merged(given)) == (own_lines(given, STDOUT), own_lines(given, STDERR))


def test_lines_come_in_the_order_in_which_they_were_written() -> None:
    runs = merged([(STDOUT, "a\n"), (STDERR, "b\n"), (STDOUT, "c\n")])
    assert text_of(runs) == "a\nb\nc\n"


def test_a_line_that_is_begun_and_not_ended_holds_the_other_stream_back_for_a_while() -> None:
    streams = LogStreams(1.0)
    streams.write(b"half", STDOUT, 0.0)
    streams.write(b"error\n", STDERR, 0.5)
    assert streams.take(0.6) == [Run(STDOUT, "half")]
    assert streams.is_waiting
    assert streams.take(1.6) == [Run(STDOUT, "\n"), Run(STDERR, "error\n")]


@given(writes, st.lists(st.integers(1, 4), max_size=20))
def test_lines_are_marked_in_each_part_alike(
    given: list[tuple[int, str]], sizes: list[int]
) -> None:
    runs = merged(given)
    text, marks = text_of(runs), StderrLines(runs)
    cuts = [sum(sizes[:n]) for n in range(len(sizes) + 1)]
    for start, end in pairwise([*(cut for cut in cuts if cut < len(text)), len(text)]):
        found = marks.within(text, start, end)
        expected: dict[int, bool] = {}
        line, at = 1, 0
        for run in runs:
            for character in run.text:
                if start <= at < end:
                    expected[line] = run.stream == STDERR
                    line += character == "\n"
                at += 1
        numbers = {n for first, last in found for n in range(first, last + 1)}
        assert numbers == {n for n, is_stderr in expected.items() if is_stderr}
