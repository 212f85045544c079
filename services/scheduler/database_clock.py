"""Whether the database's clock has been set since it was looked at last. Pure.

Leases, time-outs and delays are moments of the database's clock. When that is set forward, or a
standby whose clock is ahead takes over, every lease looks expired while its worker lives, and the
tasks would be run twice; when it is set back, what a dead worker left is waited for as long as it
was set back. Each look holds the clock against one of this process's own that nobody can set.
"""

from dataclasses import dataclass
from enum import Enum

_NOTICED_SECONDS = 0.5
"""A smaller change does no harm: a worker stops its tasks well before their lease ends."""

_SLOW_SECONDS = 1.0
"""What took this long to ask for says too little."""

_COMPARED_SECONDS = 60.0
"""How far back: two clocks that drift apart slowly never differ by much within a lease."""


@dataclass(frozen=True, slots=True)
class Look:
    """The database's clock said `at` (seconds) between `before` and `after` of our own clock."""

    at: float
    before: float
    after: float

    @property
    def is_slow(self) -> bool:
        return self.after - self.before > _SLOW_SECONDS

    def seconds_ahead_of(self, other: "Look") -> float:
        """By how much the clock was certainly set between the two; negative when it was set back,
        0 when it may not have been set at all."""
        least = (self.at - self.after) - (other.at - other.before)
        most = (self.at - self.before) - (other.at - other.after)
        return max(least, 0.0) + min(most, 0.0)


class Verdict(Enum):
    FIRST = "first"  # nothing is known of what was before
    STEADY = "steady"
    UNSURE = "unsure"
    SET_FORWARD = "set forward"
    SET_BACK = "set back"


class DatabaseClock:
    def __init__(self) -> None:
        self._compared: Look | None = None

    def judge(self, look: Look) -> Verdict:
        if look.is_slow:
            return Verdict.UNSURE
        compared = self._compared
        if compared is None:
            self._compared = look
            return Verdict.FIRST
        seconds = look.seconds_ahead_of(compared)
        if abs(seconds) > _NOTICED_SECONDS:
            self._compared = look
            return Verdict.SET_FORWARD if seconds > 0 else Verdict.SET_BACK
        if look.after - compared.after > _COMPARED_SECONDS:
            self._compared = look
        return Verdict.STEADY
