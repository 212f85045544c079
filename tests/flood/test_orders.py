"""What the flood stands on: it must see a task that is overtaken, and one that is passed over."""

from tests.flood.orders import Submitted, overtaken, passed_over, priority_of


def one_after_the_other(count: int) -> dict[int, Submitted]:
    """Each sent when the one before had been answered."""
    return {n: Submitted(n, f"id{n}", sent_at=n, answered_at=n + 0.5) for n in range(count)}


def test_tasks_in_the_order_of_their_submission_are_overtaken_by_none() -> None:
    counts = overtaken(range(20), one_after_the_other(20))
    assert {max(each) for each in counts.values()} == {0}
    assert sum(map(len, counts.values())) == 20


def test_a_late_task_is_overtaken_by_all_that_were_submitted_after_it() -> None:
    lowest = [n for n in range(50) if priority_of(n) == 0]
    late, *others = lowest
    counts = overtaken([*others, late], one_after_the_other(50))[0]
    assert (counts[-1], set(counts[:-1])) == (len(others), {0})


def test_a_task_of_another_priority_overtakes_nobody() -> None:
    high = next(n for n in range(10) if priority_of(n) == 9)
    started = [high, *(n for n in range(10) if n != high)]
    assert max(map(max, overtaken(started, one_after_the_other(10)).values())) == 0


def test_of_two_that_were_under_way_at_once_neither_is_the_first() -> None:
    submitted = {n: Submitted(n, f"id{n}", sent_at=1, answered_at=2) for n in (0, 1)}
    assert overtaken([1, 0], submitted) == {0: [0, 0]}


def test_lower_tasks_that_begin_while_a_higher_one_waits_are_counted() -> None:
    # Given a task of priority 9, answered at 6.5, that is granted after two lower ones
    high = next(n for n in range(10) if priority_of(n) == 9)
    granted = {0: 1.0, 1: 7.0, 3: 7.5, high: 8.0, 4: 9.0}
    assert passed_over(one_after_the_other(10), granted)[9] == [2]
