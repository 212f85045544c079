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
    are sent to a queue, or wait for a node, to their end. Executions of a gang are from when they
    have a node: while they wait, each of two could hold the slots that the other lacks. Of those
    that are `held_back`, the one with `next_id` waits for a time. `paid_until` is when the starts
    so far are over at the pace of the `rate`.
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
        if self.rate is None or (paid_until := self._paid_until(self.rate, now)) is None:
            return now
        return max(paid_until - (self.rate.burst - 1) * self.rate.interval, now)

    def let_begin(self, count: int, now: datetime) -> bool:
        """Whether so many may start at once; more than there may ever be, when nothing is in their
        way."""
        if self.concurrency and self.active > max(self.concurrency - count, 0):
            return False
        return self.rate is None or self._starts_due(self.rate, now) >= min(count, self.rate.burst)

    def to_fill(self, now: datetime) -> int:
        """How many of those that are held back may start now, or have their time set."""
        left = self.held_back - (self.next_id is not None)
        if self.concurrency:
            left = min(left, self.concurrency - self.active)
        if self.rate is not None:
            left = min(left, self._starts_due(self.rate, now) + (self.next_id is None))
        return max(min(left, _MOST_AT_ONCE), 0)

    def started(self, at: datetime) -> "Slots":
        """One more, also over the limit: of those that must start at once no more is paid for than
        a burst."""
        rate = self.rate
        if rate is None:
            return replace(self, active=self.active + 1)
        paid_until = max(self._paid_until(rate, at) or at, at) + rate.interval
        most = at + rate.burst * rate.interval
        return replace(self, active=self.active + 1, paid_until=min(paid_until, most))

    def ended(self) -> "Slots":
        """Of a job whose limits were set while tasks of it were active, more may end than count."""
        return replace(self, active=max(self.active - 1, 0))

    def as_counted(self, active: int, held_back: int, next_id: str | None) -> "Slots":
        """`next_id` is the one that has a time, perhaps from before the rate was another: unless it
        is known to wait for that, it may get one anew."""
        next_id = next_id if next_id == self.next_id else None
        return replace(self, active=active, held_back=held_back, next_id=next_id)

    def emptied(self) -> "Slots":
        """Nothing of the job is active."""
        return replace(self, active=0, held_back=0, next_id=None)

    def _starts_due(self, rate: StartRate, now: datetime) -> int:
        paid_until = self._paid_until(rate, now)
        if paid_until is None or paid_until <= now:
            return rate.burst
        return max(rate.burst - -(-(paid_until - now) // rate.interval), 0)

    def _paid_until(self, rate: StartRate, now: datetime) -> datetime | None:
        """One later than any start makes it is from before the clock was set back: it must not hold
        everything back for as long."""
        at = self.paid_until
        return None if at is None or at > now + rate.burst * rate.interval else at


def with_limits_of(slots: Slots | None, new: Slots | None) -> Slots | None:
    """What counts stays: also where there is no limit any more, tasks may be held back. At another
    rate no task waits for the time that it was given."""
    if slots is None:
        return new
    limits = new or Slots()
    if limits.rate != slots.rate:
        slots = replace(slots, rate=limits.rate, paid_until=None, next_id=None)
    return replace(slots, concurrency=limits.concurrency)
