"""What the tasks themselves wrote down: who started when, and what ran twice."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """`what` is `start`, `end` or `doubled`; `task` is one attempt (a retry is another)."""

    what: str
    key: str
    task: str
    node: str
    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class Again:
    """A start of an attempt that had been started before, on `first_node`."""

    first: Line
    second: Line


def read_ledger(path: Path, prefix: str) -> list[Line]:
    """The lines of jobs whose key begins with `prefix`, in the order they were written."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return [
        Line(what, key, task, node, int(pid), float(at))
        for what, key, task, node, pid, at in lines
        if key.startswith(prefix)
    ]


def doubled(lines: Collection[Line]) -> list[Line]:
    """Starts of attempts that were running at that moment."""
    return [line for line in lines if line.what == "doubled"]


def started_again(lines: Collection[Line]) -> list[Again]:
    starts: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line.what == "start":
            starts[line.task].append(line)
    return [Again(*pair) for of_one in starts.values() for pair in pairwise(of_one)]


def interrupted(lines: Collection[Line]) -> Counter[str]:
    """How many starts have no end, since their process was killed, by the kind of their job."""
    ended = {(line.task, line.pid) for line in lines if line.what == "end"}
    return Counter(
        line.key.split("-")[2]
        for line in lines
        if line.what == "start" and (line.task, line.pid) not in ended
    )
