"""The plan: which faults strike in which round, and for how long. The seed says it all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.chaos.faults import KINDS, LONG_KINDS, Draw, Fault
from tests.chaos.system import LEASE_SECONDS


@dataclass(frozen=True, slots=True)
class Round:
    """`seconds` is how long the faults last, from the strike to the heal."""

    number: int
    faults: tuple[Fault, ...]
    seconds: float

    def __str__(self) -> str:
        return " + ".join(map(str, self.faults))


def plan(seed: int, rounds: int, kinds: Sequence[str] = ()) -> list[Round]:
    """Each kind once, alone, in an order of the seed's; then two at a time.

    `kinds` are those of the first rounds, instead, the long ones among them; `a+b` are two in one
    round.
    """
    lot = Random(f"plan {seed}")
    order = list(kinds) or lot.sample(list(KINDS), len(KINDS))
    first = [tuple(_named(name)(lot) for name in kind.split("+")) for kind in order]
    chosen = [*first, *(_pair(lot) for _ in range(rounds - len(first)))][:rounds]
    return [
        Round(number, faults, round(_seconds(lot, faults), 1))
        for number, faults in enumerate(chosen, start=1)
    ]


def _named(kind: str) -> Draw:
    return KINDS.get(kind) or LONG_KINDS[kind]


def _pair(lot: Random) -> tuple[Fault, ...]:
    """Two faults that don't get in each other's way."""
    first = KINDS[lot.choice([kind for kind in KINDS if kind != "everything"])](lot)
    return first, next(other for other in _drawn(lot) if not other.hits & first.hits)


def _drawn(lot: Random) -> Iterator[Fault]:
    while True:
        yield KINDS[lot.choice(list(KINDS))](lot)


def _seconds(lot: Random, faults: Sequence[Fault]) -> float:
    """Shorter than a lease, or longer; or what a fault says of itself."""
    if own := [each.lasts_seconds for each in faults if each.lasts_seconds is not None]:
        return max(own)
    if lot.random() < 0.4:
        return lot.uniform(0.2, LEASE_SECONDS / 2)
    return lot.uniform(LEASE_SECONDS + 1, LEASE_SECONDS * 2)
