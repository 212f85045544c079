"""Token buckets, one for each name, each a single number: the time at which it is full again."""

import time
from collections.abc import Callable

_MANY = 10_000


class TokenBuckets:
    """Each name may take `burst` at once and `per_second` in the long run."""

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval = 1 / per_second
        self._slack = (burst - 1) * self._interval
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def wait(self, name: str) -> float:
        """Seconds until the bucket has a token; 0 when it has."""
        return max(0.0, self._full_at.get(name, 0.0) - self._slack - self._clock())

    def take(self, name: str) -> float:
        """As `wait`; a token that is there is taken."""
        wait = self.wait(name)
        if not wait:
            now = self._clock()
            self._full_at[name] = max(self._full_at.get(name, 0.0), now) + self._interval
            if len(self._full_at) > _MANY:
                self._forget_the_full(now)
        return wait

    def _forget_the_full(self, now: float) -> None:
        self._full_at = {name: at for name, at in self._full_at.items() if at > now}
