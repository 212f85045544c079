"""How many tasks of a job may be active at a time, and how many may start in a span of time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

_MOST_AT_ONCE = 200
_TENTHS = 10


@dataclass(frozen=True, slots=True)
class StartRate:
    """At most `count` starts within any `seconds`.

    They are evenly spaced, so that no span of that length has more, wherever it begins; only those
    of a tenth of a second may come together (`burst`), so that a fast rate needs no look at the
    clock for each. What such a burst may add to a span is taken off the pace.
    """

    count: int
    seconds: int

    @property
    def burst(self) -> int:
        return max(self.count // (self.seconds * _TENTHS), 1)

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.seconds) / (self.count - self.burst + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """The limits of a job that has some, and what counts for them.

    `concurrency` is how many tasks may be `active`, 0 for any number; they are from the moment they
    are sent to a queue, or wait for a node, to their end. Of those that are `held_back`, the one
    with `next_id` waits for a time. `paid_until` is when the starts so far are over at the pace of
    the `rate`.
    """

    concurrency: int = 0
    rate: StartRate | None = None
    active: int = 0
    held_back: int = 0
    paid_until: datetime | None = None
    next_id: str | None = None

    def opens_at(self, now: datetime) -> datetime | None:
        """From when another may start; None: not before one that is active ends."""
        if self.concurrency and self.active >= self.concurrency:
            return None
        if self.rate is None or self.paid_until is None:
            return now
        at = self.paid_until - (self.rate.burst - 1) * self.rate.interval
        # A clock that was set back must not hold everything back for as long.
        return max(min(at, now + self.rate.interval), now)

    def to_fill(self, now: datetime) -> int:
        """How many of those that are held back may start now, or have their time set."""
        left = self.held_back - (self.next_id is not None)
        if self.concurrency:
            left = min(left, self.concurrency - self.active)
        if self.rate is not None:
            left = min(left, self._starts_due(self.rate, now) + (self.next_id is None))
        return max(min(left, _MOST_AT_ONCE), 0)

    def started(self, at: datetime) -> "Slots":
        if self.rate is None:
            return replace(self, active=self.active + 1)
        paid_until = max(self.paid_until or at, at) + self.rate.interval
        return replace(self, active=self.active + 1, paid_until=paid_until)

    def ended(self) -> "Slots":
        """Of a job whose limits were set while tasks of it were active, more may end than count."""
        return replace(self, active=max(self.active - 1, 0))

    def emptied(self) -> "Slots":
        """Nothing of the job is active."""
        return replace(self, active=0, held_back=0, next_id=None)

    def _starts_due(self, rate: StartRate, now: datetime) -> int:
        if self.paid_until is None or self.paid_until <= now:
            return rate.burst
        return max(rate.burst - -(-(self.paid_until - now) // rate.interval), 0)


def with_limits_of(slots: Slots | None, new: Slots | None) -> Slots | None:
    """What counts stays: also where there is no limit any more, tasks may be held back."""
    if slots is None:
        return new
    limits = new or Slots()
    return replace(slots, concurrency=limits.concurrency, rate=limits.rate)
