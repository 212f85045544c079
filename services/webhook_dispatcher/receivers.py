"""Whom the places of a dispatcher go to, so that a receiver that is slow or dead delays no other.

Pure: times are given, in seconds of any clock that only grows. Of a receiver it is known how its
calls ended here; another dispatcher finds out by itself.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol, TypeVar

_MOST_KNOWN = 10_000
_FIRST_PAUSE_SECONDS = 5.0
_QUICK_SECONDS = 0.1
_BATCH = 24


class Call(Protocol):
    """A call that is due: `receiver` as `shared.jobspec.urls.receiver_of` names it."""

    @property
    def receiver(self) -> str: ...

    @property
    def owner(self) -> str: ...


_C = TypeVar("_C", bound=Call)


class Trust(Enum):
    """What is known of a receiver. The call of one that is NEW or FAILING may last until the
    time-out."""

    NEW = 2
    FAILING = 4
    ANSWERING = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls may be under way at once. Those that may last leave places to the others, and
    those of one owner leave some to other owners."""

    total: int
    per_receiver: int
    failures_to_pause: int = 5
    longest_pause_seconds: float = 60.0

    def of(self, trust: Trust) -> int:
        return max(1, self.total // trust.value)

    def of_owner(self, trust: Trust) -> int:
        return self.total if trust is Trust.ANSWERING else max(1, self.of(trust) // 2)

    def share(self, room: int) -> int:
        """How many calls one receiver may have while there is `room` in all: the fewer places are
        left, the fewer each gets, so that there are always some, whoever begins to hang."""
        return max(1, min(self.per_receiver, 2 * self.per_receiver * room // self.total))


class Ending(Enum):
    """How a call ended. FAILED is no answer, or one that says the receiver is overloaded or broken;
    UNSENT says nothing of the receiver."""

    ANSWERED = auto()
    FAILED = auto()
    UNSENT = auto()


@dataclass(slots=True)
class _Receiver:
    places: int = 1
    has_answered: bool = False
    failures: int = 0  # since it has answered
    pause_ends_at: float = 0.0
    is_quick: bool = False
    calls: int = 0

    @property
    def trust(self) -> Trust:
        if self.failures:
            return Trust.FAILING
        return Trust.ANSWERING if self.has_answered else Trust.NEW

    def is_paused(self, now: float) -> bool:
        return now < self.pause_ends_at

    def is_full(self, now: float) -> bool:
        return self.calls >= self.places or self.is_paused(now)

    def on_answer(self, most: int) -> None:
        """Twice the places with each answer: a burst is up to speed after a few calls."""
        self.has_answered, self.failures, self.pause_ends_at = True, 0, 0.0
        self.places = min(2 * self.places, most)

    def on_failure(self, now: float, limits: Limits) -> None:
        """One place, until it answers: what hangs holds one, however much it is owed."""
        self.failures += 1
        self.places = 1
        if (more := self.failures - limits.failures_to_pause) >= 0:
            pause = _FIRST_PAUSE_SECONDS * 2 ** min(more, 32)
            self.pause_ends_at = now + min(pause, limits.longest_pause_seconds)


@dataclass(slots=True)
class Begun:
    """What a call holds until it ends: as its receiver was seen when it began."""

    receiver: str
    owner: str
    trust: Trust
    at: float


@dataclass(slots=True)
class Receivers:
    limits: Limits
    _known: OrderedDict[str, _Receiver] = field(default_factory=OrderedDict)
    _calls: int = 0
    _calls_by: Counter[Trust] = field(default_factory=Counter)
    _calls_of: Counter[tuple[Trust, str]] = field(default_factory=Counter)

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
        if self.room <= 0 or known.is_full(now) or known.calls >= self.limits.share(self.room):
            return None
        if not self._has_place(owner, known.trust):
            return None
        begun = Begun(receiver, owner, known.trust, now)
        self._remember(receiver, known)
        known.calls += 1
        self._count(begun, 1)
        return begun

    def end(self, begun: Begun, now: float, ending: Ending, calls: int = 1) -> None:
        """So many calls were made in this place, one after the other: this is the last's."""
        known = self._known[begun.receiver]
        known.calls -= 1
        self._count(begun, -1)
        match ending:
            case Ending.ANSWERED:
                known.on_answer(self.limits.per_receiver)
                known.is_quick = now - begun.at < _QUICK_SECONDS * calls
            case Ending.FAILED:
                known.on_failure(now, self.limits)
            case Ending.UNSENT:
                pass

    def batch(self, receiver: str) -> int:
        """How many calls may be taken for one place, to be made one after the other: more than one
        saves looking for each when they are quick."""
        known = self._known.get(receiver)
        is_quick = known and known.is_quick and known.trust is Trust.ANSWERING
        return _BATCH if is_quick else 1

    def full(self, now: float) -> list[str]:
        """Whose calls needn't be looked for now."""
        return [name for name, known in self._known.items() if known.is_full(now)]

    def paused(self, now: float) -> list[str]:
        return [name for name, known in self._known.items() if known.is_paused(now)]

    def next_end_of_pause(self, now: float) -> float | None:
        """In seconds; None when there is no pause."""
        ends = (known.pause_ends_at for known in self._known.values())
        return min((end - now for end in ends if end > now), default=None)

    def _has_place(self, owner: str, trust: Trust) -> bool:
        of_owner = self._calls_of.get((trust, owner), 0)
        return self._calls_by[trust] < self.limits.of(trust) and of_owner < self.limits.of_owner(
            trust
        )

    def _count(self, begun: Begun, change: int) -> None:
        line = begun.trust, begun.owner
        self._calls += change
        self._calls_by[begun.trust] += change
        self._calls_of[line] += change
        if not self._calls_of[line]:
            del self._calls_of[line]

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
