"""Whom the places of a dispatcher go to, so that a receiver that is slow or dead delays no other.

Pure: times are given, in seconds of any clock that only grows. Of a receiver it is known how its
calls ended here; another dispatcher finds out by itself.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

_MOST_KNOWN = 10_000
_FAILURES_TO_OPEN = 5
_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 300.0


class Call(Protocol):
    """A call that is due: `receiver` as `shared.jobspec.urls.receiver_of` names it."""

    @property
    def receiver(self) -> str: ...

    @property
    def owner(self) -> str: ...


_C = TypeVar("_C", bound=Call)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls may be under way at once. A receiver is doubtful that has not answered yet, or
    not since it failed: its call may last until the time-out. So the doubtful leave places to the
    others, and those of one owner leave some to other owners."""

    total: int
    per_receiver: int

    @property
    def doubtful(self) -> int:
        return max(1, self.total // 2)

    @property
    def doubtful_per_owner(self) -> int:
        return max(1, self.total // 4)


@dataclass(slots=True)
class _Receiver:
    places: int = 1
    has_answered: bool = False
    failures: int = 0  # since it has answered
    pause_ends_at: float = 0.0
    calls: int = 0

    @property
    def is_doubtful(self) -> bool:
        return self.failures > 0 or not self.has_answered

    def has_place(self, now: float) -> bool:
        if now < self.pause_ends_at:
            return False
        return self.calls < self.places

    def on_answer(self, most: int) -> None:
        """Twice the places with each answer: a burst is up to speed after a few calls."""
        self.has_answered, self.failures, self.pause_ends_at = True, 0, 0.0
        self.places = min(2 * self.places, most)

    def on_failure(self, now: float) -> None:
        """One place, until it answers: what hangs holds one, however much it is owed."""
        self.failures += 1
        self.places = 1
        if (more := self.failures - _FAILURES_TO_OPEN) >= 0:
            pause = _FIRST_PAUSE_SECONDS * 2 ** min(more, 32)
            self.pause_ends_at = now + min(pause, _LONGEST_PAUSE_SECONDS)


@dataclass(slots=True)
class Begun:
    """What a call holds until it ends: as its receiver was seen when it began."""

    receiver: str
    owner: str
    is_doubtful: bool


@dataclass(slots=True)
class Receivers:
    limits: Limits
    _known: OrderedDict[str, _Receiver] = field(default_factory=OrderedDict)
    _calls: int = 0
    _doubtful: int = 0
    _doubtful_of: Counter[str] = field(default_factory=Counter)

    @property
    def room(self) -> int:
        return self.limits.total - self._calls

    def pick(self, due: Iterable[_C], now: float) -> list[tuple[_C, Begun]]:
        """Those of `due` that may begin; they count as begun. The owners in turn, and of each its
        receivers in turn."""
        picked = []
        for call in _in_turn(due):
            if self.room <= 0:
                break
            if begun := self.begin(call.receiver, call.owner, now):
                picked.append((call, begun))
        return picked

    def begin(self, receiver: str, owner: str, now: float) -> Begun | None:
        """None when it has to wait."""
        known = self._known.get(receiver) or _Receiver()
        if self.room <= 0 or not known.has_place(now):
            return None
        if known.is_doubtful and not self._has_doubtful_place(owner):
            return None
        begun = Begun(receiver, owner, known.is_doubtful)
        self._remember(receiver, known)
        known.calls += 1
        self._count(begun, 1)
        return begun

    def end(self, begun: Begun, now: float, *, is_failure: bool) -> None:
        """A failure is no answer, or one that says the receiver is overloaded or broken."""
        known = self._known[begun.receiver]
        known.calls -= 1
        self._count(begun, -1)
        if is_failure:
            known.on_failure(now)
        else:
            known.on_answer(self.limits.per_receiver)

    def full(self, now: float) -> list[str]:
        """Whose calls needn't be looked for now."""
        return [name for name, known in self._known.items() if not known.has_place(now)]

    def next_end_of_pause(self, now: float) -> float | None:
        """In seconds; None when there is no pause."""
        ends = (known.pause_ends_at for known in self._known.values())
        return min((end - now for end in ends if end > now), default=None)

    def _has_doubtful_place(self, owner: str) -> bool:
        of_owner = self._doubtful_of.get(owner, 0)
        return self._doubtful < self.limits.doubtful and of_owner < self.limits.doubtful_per_owner

    def _count(self, begun: Begun, change: int) -> None:
        self._calls += change
        if begun.is_doubtful:
            self._doubtful += change
            self._doubtful_of[begun.owner] += change
            if not self._doubtful_of[begun.owner]:
                del self._doubtful_of[begun.owner]

    def _remember(self, receiver: str, known: _Receiver) -> None:
        """The longest unused is forgotten first, if it isn't called right now."""
        self._known[receiver] = known
        self._known.move_to_end(receiver)
        while len(self._known) > _MOST_KNOWN:
            oldest = next((name for name, known in self._known.items() if not known.calls), None)
            if oldest is None:
                return
            del self._known[oldest]


def _in_turn(due: Iterable[_C]) -> Iterator[_C]:
    owners: dict[str, dict[str, deque[_C]]] = {}
    for call in due:
        receivers = owners.setdefault(call.owner, {})
        receivers.setdefault(call.receiver, deque()).append(call)
    return _round_robin([_round_robin(receivers.values()) for receivers in owners.values()])


def _round_robin(lines: Iterable[Iterable[_C]]) -> Iterator[_C]:
    left = deque(map(iter, lines))
    while left:
        line = left.popleft()
        for call in line:
            yield call
            left.append(line)
            break
