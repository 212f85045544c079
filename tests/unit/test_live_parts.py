"""What live streams are made of: the order of log parts, lines, ids of events."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coordinator.live.follower import PartOrder
from services.coordinator.live.renderings import (
    Lines,
    Resume,
    event_id,
    event_id_within,
    resume_after,
)
from services.coordinator.store.feed import Cursor, FeedPart, FeedRow
from services.coordinator.store.rows import LogRow
from shared.messages import PARTS_PER_DISPATCH


def part(number: int, stored: int, previous: int | None = None, task_id: str = "t") -> FeedRow:
    """Part `number`, stored at place `stored`; its predecessor at `previous`."""
    row = LogRow(task_id=task_id, number=number, contents="", created_at=datetime.now(UTC))
    return FeedRow(
        cursor=Cursor(stored, 1),
        job_id="j",
        job_name="",
        readers=frozenset(),
        sealed=None,
        part=FeedPart(row, None if previous is None else Cursor(previous, 1)),
    )


def numbers(rows: list[FeedRow]) -> list[int]:
    return [row.part.row.number for row in rows if row.part]


@given(st.permutations(range(1, 8)), st.data())
def test_parts_come_in_order_whatever_the_order_they_were_stored_in(
    stored: list[int], data: st.DataObject
) -> None:
    """What a reader saw of a predecessor depends on whether it was stored when it looked."""
    order = PartOrder()
    place = {number: n for n, number in enumerate(stored, start=1)}
    out: list[int] = []
    for number in stored:
        before = place.get(number - 1)
        late = before is not None and before > place[number]
        unseen = late and data.draw(st.booleans())
        out += numbers(order.take(part(number, place[number], None if unseen else before), 0))
    assert out == sorted(stored)
    assert not order.is_holding


def test_a_part_waits_for_its_predecessor_for_two_seconds_at_most() -> None:
    order = PartOrder()
    assert order.take(part(3, 1), now=10.0) == []
    assert order.overdue(now=11.9) == []
    assert numbers(order.overdue(now=12.0)) == [3]
    assert not order.is_holding


def test_parts_of_a_log_whose_beginning_is_gone_are_not_gathered_for_ever() -> None:
    order = PartOrder()
    out = order.take(part(2, 1), 0)
    for number in range(3, 300):
        out += order.take(part(number, number, number - 1), 0)
    assert numbers(out)[:100] == list(range(2, 102))


def test_another_task_and_another_dispatch_do_not_wait() -> None:
    order = PartOrder()
    order.take(part(3, 1), 0)
    assert numbers(order.take(part(7, 2, 1, task_id="u"), 0)) == [7]
    first = PARTS_PER_DISPATCH + 1
    assert numbers(order.take(part(first, 3, task_id="v"), 0)) == [first]


def test_a_line_is_shown_when_it_has_its_end() -> None:
    lines = Lines()
    assert lines.add("a", "one\ntw") == "one\n"
    assert lines.add("b", "other\n") == "other\n"
    assert lines.add("a", "o\nthree") == "two\n"
    assert lines.all() == "three\n"
    assert lines.ended() == lines.all() == ""


def test_what_a_task_leaves_is_a_line_once_it_has_ended() -> None:
    lines = Lines()
    lines.add("a", "no end")
    lines.add("b", "to be continued")
    assert lines.ended() == ""
    lines.end("a")
    assert lines.ended() == "no end\n"
    # A part that comes later than the end is not kept until the job's.
    assert lines.add("a", "late") + lines.ended() == "late\n"
    assert lines.all() == "to be continued\n"


def test_what_is_too_long_for_a_line_is_shown_as_it_comes() -> None:
    lines = Lines()
    text = "." * 70_000
    assert lines.add("a", text) == text


def test_an_event_id_says_where_to_go_on() -> None:
    place = Cursor(742, 3)
    assert resume_after(event_id(place)) == Resume(place)
    resume = resume_after(event_id_within(place, 2))
    assert resume.cursor < place
    assert (resume.partly, resume.done) == (place, 2)


@given(st.text())
def test_any_other_text_is_no_event_id(text: str) -> None:
    try:
        resume_after(text)
    except ValueError:
        return
    assert text.count("-") in (1, 2)


@pytest.mark.parametrize("text", ["9223372036854775808-1", "1-9223372036854775808"])
def test_an_event_id_beyond_what_the_database_counts_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="over 9223372036854775807"):
        resume_after(text)
