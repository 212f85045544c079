"""Jobs of one task each, and in which order they began.

Order is kept when a task begins before those of its queue and priority that were submitted after
it. Submitted after means: sent when the earlier one's submission had been answered; of two that
were under way at once neither is the first. What a slot has in hand may begin in any order.
"""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PRIORITIES = (0, 0, 5, 0, 0, 0, 9, 0, 0, 5)
"""Of the jobs, in turn."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """`sent_at` and `answered_at` are seconds of the clock on the wall."""

    number: int
    id: str
    sent_at: float
    answered_at: float

    @property
    def priority(self) -> int:
        return priority_of(self.number)


def priority_of(number: int) -> int:
    return _PRIORITIES[number % len(_PRIORITIES)]


def job(number: int, starts: Path) -> dict[str, Any]:
    """A task that writes its number into `starts` and is done; without a process of its own."""
    task = {"name": "note", "run": f"echo {number} >> {starts}", "priority": priority_of(number)}
    return {
        "name": f"flood {number}",
        "tags": [f"tenth{number % 10}", f"hundredth{number % 100}"],
        "tasks": [task],
    }


def overtaken(started: Sequence[int], submitted: Mapping[int, Submitted]) -> dict[int, list[int]]:
    """By priority, for each task of `started` how many later ones of it had begun before it.

    `started` are numbers in the order in which they began.
    """
    earlier: defaultdict[int, list[float]] = defaultdict(list)
    counts: defaultdict[int, list[int]] = defaultdict(list)
    for number in started:
        one = submitted[number]
        sent = earlier[one.priority]  # when those were sent that have begun, in order
        counts[one.priority].append(len(sent) - bisect_right(sent, one.answered_at))
        insort(sent, one.sent_at)
    return dict(counts)


def passed_over(
    submitted: Mapping[int, Submitted], granted_at: Mapping[int, float]
) -> dict[int, list[int]]:
    """By priority, for each task how many of lower priority were granted while it waited.

    It waits from the answer on. The lowest priority is left out: nobody can pass it over.
    """
    counts: dict[int, list[int]] = {}
    for priority in sorted(set(_PRIORITIES))[1:]:
        lower = sorted(at for n, at in granted_at.items() if priority_of(n) < priority)
        counts[priority] = [
            max(bisect_right(lower, at) - bisect_right(lower, submitted[n].answered_at), 0)
            for n, at in granted_at.items()
            if priority_of(n) == priority
        ]
    return counts
