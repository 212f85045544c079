"""Which failed calls are made again, and when. Pure: chance is given."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from services.webhook_dispatcher.receivers import Ending
from shared.definition.quantities import parse_duration

JITTER = 0.2
"""By which part a delay is shorter or longer, so that what failed together comes back apart."""

_LATER = frozenset((407, 408, 425, 429))
"""Of 4xx: the receiver was too slow or asks for another time, or our proxy refused us. The others
say that the request is wrong, and it would be the same again."""


def is_retried(status: int, also: Collection[int] = ()) -> bool:
    """Of an answer that isn't a 2xx. A redirect is followed by nobody, and may end."""
    return not 400 <= status < 500 or status in _LATER or status in also


def ending_of(status: int | None) -> Ending:
    """What a failed call says of its receiver as a whole. A 2xx fails when it breaks off."""
    if status is None or status < 300 or status >= 500 or status in _LATER:
        return Ending.FAILED
    return Ending.ANSWERED


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """`delays`: after the first failure, the second, and so on; after the last it is given up."""

    delays: tuple[timedelta, ...]

    @property
    def longest(self) -> timedelta:
        """From the first attempt to the last, or a little longer."""
        return sum(self.delays, timedelta()) * (1 + JITTER)

    def delay(self, attempts: int, wish: timedelta, chance: float) -> timedelta | None:
        """After that many failures, for a `chance` from 0 to 1; None when there is no further call.

        Not before the receiver's `wish`, which counts up to the longest of the delays.
        """
        if attempts > len(self.delays):
            return None
        jittered = self.delays[attempts - 1] * (1 - JITTER + 2 * JITTER * chance)
        return max(jittered, min(wish, max(self.delays)))


def parse_delays(texts: tuple[str, ...]) -> tuple[timedelta, ...]:
    """Raises ValueError."""
    delays = tuple(map(parse_duration, texts))
    if any(delay <= timedelta() for delay in delays):
        raise ValueError("must have only delays that are longer than zero")
    return delays
