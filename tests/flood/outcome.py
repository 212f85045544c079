"""What a flood has come to, and what of it is not as it should be."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

from tests.flood.reader import Read
from tests.flood.system import ALL_SLOTS

MOST_OVERTAKEN = 2 * ALL_SLOTS
"""How many may overtake a task: while it waits in its slot for its grant, each of the others may
have another one come and go."""

_SHOWN = 10
_TELLING = 100
"""Of how many reads a p95 tells something."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    count: int
    p50: float
    p95: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`overtaken` and `passed_over` are counts for each task, by priority: see `orders`.

    Megabytes in `peaks`, by process; `wrong` are findings that were made on the way. Reads may take
    `p95_milliseconds` at p95.
    """

    jobs: int
    submit_seconds: float
    all_seconds: float
    most_waiting: int
    most_outbox: int
    refused: Mapping[int, int]
    states: Mapping[str, int]
    started: Sequence[int]
    overtaken: Mapping[int, Sequence[int]]
    passed_over: Mapping[int, Sequence[int]]
    reads: Mapping[str, Sequence[Read]]
    """By phase."""
    peaks: Mapping[str, float]
    left: Mapping[str, int]
    wrong: Sequence[str]
    p95_milliseconds: float

    @property
    def findings(self) -> list[str]:
        return [
            *self.wrong,
            *self._not_completed(),
            *self._not_once(),
            *self._out_of_order(),
            *self._slow_reads(),
            *(f"left: {count} {what}" for what, count in self.left.items()),
        ]

    def _not_completed(self) -> list[str]:
        if self.states == {"COMPLETED": self.jobs}:
            return []
        return [f"of {self.jobs} jobs: {dict(self.states)}"]

    def _not_once(self) -> list[str]:
        times = Counter(self.started)
        never = [n for n in range(self.jobs) if n not in times]
        often = [n for n, count in times.items() if count > 1]
        return [
            f"{len(numbers)} tasks {what}: {numbers[:_SHOWN]}"
            for what, numbers in (("never ran", never), ("ran more than once", often))
            if numbers
        ]

    def _out_of_order(self) -> list[str]:
        return [
            f"priority {priority}: a task was overtaken by {max(counts)} later ones"
            for priority, counts in self.overtaken.items()
            if max(counts) > MOST_OVERTAKEN
        ]

    def _slow_reads(self) -> list[str]:
        findings = []
        for phase, reads in self.reads.items():
            if failed := Counter(read.status for read in reads if read.status != 200):
                findings.append(f"reads while {phase} were answered {dict(failed)}")
            for asked, times in _times(reads).items():
                p95 = percentiles(times).p95
                if p95 > self.p95_milliseconds:
                    findings.append(f"{asked} while {phase} took {p95:.0f} ms at p95")
        return findings


def _times(reads: Sequence[Read]) -> dict[str, list[float]]:
    """Milliseconds of all, and of what was asked for often enough to tell."""
    times = defaultdict[str, list[float]](list)
    for read in reads:
        times[read.asked].append(read.milliseconds)
    often = {asked: each for asked, each in times.items() if len(each) >= _TELLING}
    return {"all reads": [read.milliseconds for read in reads], **often}


def percentiles(values: Sequence[float]) -> Percentiles:
    """All zero for less than two values."""
    if len(values) < 2:
        return Percentiles(len(values), 0, 0, 0, 0)
    cuts = quantiles(values, n=100, method="inclusive")
    return Percentiles(len(values), cuts[49], cuts[94], cuts[98], max(values))
