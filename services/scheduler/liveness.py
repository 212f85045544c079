"""When the silence of a worker means something.

A lease in Postgres looks expired also when heartbeats could not be taken in: the broker or the
database was away, or this process was. Declaring a worker lost then would run its tasks twice,
so nobody is lost before heartbeats have flowed undisturbed for a while.
"""

from collections.abc import Callable

_FROZEN_SECONDS = 5.0
"""A gap between two looks that a busy process would not have: it was stopped, or its host slept."""


_UNHEARD_SECONDS = 10.0
"""Several heartbeats of each worker: when none was taken in for so long, none can be."""


class LivenessGuard:
    """`clock` gives seconds that also pass while the host sleeps."""

    def __init__(self, liveness_grace_seconds: float, clock: Callable[[], float]) -> None:
        self._grace_seconds = liveness_grace_seconds
        self._clock = clock
        self._undisturbed_since = self._looked_at = clock()
        self._heard_at = self._undisturbed_since - _UNHEARD_SECONDS

    def on_heartbeat(self) -> None:
        """A heartbeat was taken in."""
        self._heard_at = self._clock()

    def on_rejected(self) -> None:
        """One could not be taken in, for a reason that may be its own: what a single worker says
        must not keep the tasks of dead ones from being given to others."""
        if self._clock() - self._heard_at >= _UNHEARD_SECONDS:
            self.on_outage()

    def on_outage(self) -> None:
        """No heartbeat can be taken in right now."""
        self._undisturbed_since = self._clock()

    @property
    def grace_is_over(self) -> bool:
        """What `may_declare_lost` last came to, or would now; for those who only look."""
        return self._clock() - self._undisturbed_since >= self._grace_seconds

    def may_declare_lost(self) -> bool:
        """Whether a silent worker may be taken for lost. To be asked every round."""
        now = self._clock()
        if now - self._looked_at > _FROZEN_SECONDS:
            self._undisturbed_since = now
        self._looked_at = now
        return now - self._undisturbed_since >= self._grace_seconds
