"""What an attempt tells of itself when it ends: how long each phase took, on the clock of this
machine, and which image it ran."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple

from shared.messages import PhaseTiming
from shared.process.clock import monotonic_boottime

Name = Literal["pull", "fetch", "pre", "run", "post", "keep"]
_MOST = 100
"""So many are reported of an attempt: a task may have any number of `pre` and `post`."""


class _Past(NamedTuple):
    name: str
    began_at: float
    ended_at: float


class Phases:
    """One after the other: what begins within another interrupts it. Offsets count from `start`."""

    def __init__(self, clock: Callable[[], float] = monotonic_boottime) -> None:
        self._clock = clock
        self._started_at = self._since = clock()
        self._gone_on_since: float | None = None
        self._open = list[str]()
        self._past = list[_Past]()
        self.image_digest: str | None = None

    def start(self) -> None:
        """The attempt has been granted; an image may be pulled since before."""
        self._started_at = self._clock()

    def begin(self, name: str) -> None:
        self._pass()
        self._open.append(name)

    def end(self, name: str) -> None:
        self._pass()
        self._open.remove(name)

    @property
    def current(self) -> str | None:
        return self._open[-1] if self._open else None

    def timings(self) -> list[PhaseTiming]:
        """So far; what took less than a millisecond is left out."""
        self._pass()
        begin = self._started_at
        timings = (
            PhaseTiming(
                phase=past.name,
                started_ms=round((past.began_at - begin) * 1000),
                duration_ms=round((past.ended_at - past.began_at) * 1000),
            )
            for past in self._past
        )
        return [timing for timing in timings if timing.duration_ms][:_MOST]

    def saved(self) -> dict[str, Any]:
        image = {"image_digest": self.image_digest} if self.image_digest else {}
        return {"started_at": self._started_at, "past": self._past, **image}

    def restore(self, saved: dict[str, Any], since: float) -> None:
        """What another process of this machine has saved; its last phase goes on `since` then.
        Raises LookupError, TypeError, ValueError."""
        self._started_at, self._gone_on_since = float(saved["started_at"]), since
        self._past = [_Past(str(name), float(a), float(b)) for name, a, b in saved["past"]]
        self.image_digest = saved.get("image_digest")

    def _pass(self) -> None:
        now = self._clock()
        if not self._open and self._gone_on_since is not None:
            now, self._gone_on_since = self._gone_on_since, None
        if self._open:
            name, last = self._open[-1], self._past[-1] if self._past else None
            if last is not None and (last.name, last.ended_at) == (name, self._since):
                self._past[-1] = last._replace(ended_at=now)
            else:
                self._past.append(_Past(name, self._since, now))
        self._since = now


_CURRENT: ContextVar[Phases | None] = ContextVar("current phases", default=None)


@contextmanager
def phases_of_attempt(phases: Phases) -> Iterator[None]:
    """`phase` in here, and in tasks that are begun here, is one of them."""
    before = _CURRENT.set(phases)
    try:
        yield
    finally:
        _CURRENT.reset(before)


def note_image(digest: str) -> None:
    """The attempt that is going on runs this image."""
    if (phases := _CURRENT.get()) is not None:
        phases.image_digest = digest


@contextmanager
def phase(name: Name) -> Iterator[None]:
    """A phase of the attempt that is going on, if there is one."""
    phases = _CURRENT.get()
    if phases is None:
        yield
        return
    phases.begin(name)
    try:
        yield
    finally:
        phases.end(name)
