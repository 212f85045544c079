"""When failures put a node on hold: those that may be its fault, of several jobs in a row. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum


class Fault(Enum):
    """Why an attempt failed, where that may be the node's fault."""

    TEMPORARY = "with exit code 111"
    DECLINED = "declined by the runtime"
    DEFECT = "by an error of the worker"


@dataclass(frozen=True, slots=True)
class HoldRules:
    """A hold begins after failures of so many `jobs` in a row; 0: never. The second is twice as
    long as the first, and so on."""

    jobs: int
    first_seconds: float
    most_seconds: float


@dataclass(frozen=True, slots=True)
class Streak:
    """Failures since the last success, and the hold that they led to.

    A job counts once: however often one fails, that says nothing about the node. So do the jobs of
    a schedule, and the sub-jobs of a job.
    """

    faults: Mapping[str, Fault] = field(default_factory=dict)
    """By job, or by what it comes of; the latest last."""
    hold_seconds: float = 0.0
    """Of the last hold."""
    held_until: float = 0.0

    @property
    def reason(self) -> str:
        counts = Counter(fault.value for fault in self.faults.values())
        parts = ", ".join(f"{count} {how}" for how, count in counts.items())
        return f"attempts of {len(self.faults)} jobs failed in a row ({parts})"


NO_FAILURE = Streak()
_MOST_JOBS = 1000
"""So many are remembered of a node on which nothing succeeds any more."""


def after_failure(
    streak: Streak, job: str, fault: Fault, taken_at: float, now: float, rules: HoldRules
) -> Streak:
    """Of an attempt that the worker took at `taken_at`, on the clock of `now`."""
    if not rules.jobs or job in streak.faults:
        return streak
    latest = list(streak.faults.items())[1 - _MOST_JOBS :]
    streak = replace(streak, faults=dict([*latest, (job, fault)]))
    # What was begun before a hold says nothing about the node after it.
    if len(streak.faults) < rules.jobs or taken_at < streak.held_until:
        return streak
    seconds = min(streak.hold_seconds * 2 or rules.first_seconds, rules.most_seconds)
    return replace(streak, hold_seconds=seconds, held_until=now + seconds)
