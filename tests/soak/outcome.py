"""What a soak has come to: each series with its verdict, and what was not as it must be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.soak.kinds import Name, Sample
from tests.soak.verdict import Verdict, judge
from tests.soak.watch import Series


@dataclass(frozen=True, slots=True)
class Line:
    """Of one series. `before` and `after` are what it was at rest, where that was measured."""

    name: Name
    verdict: Verdict | None
    before: float | None
    after: float | None

    @property
    def has_grown(self) -> bool:
        return self.verdict is not None and self.verdict.grows

    @property
    def is_left(self) -> bool:
        """Whether it was not back where it had been."""
        return is_left(self.name, self.before, self.after)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`wrong` are findings that were made on the way."""

    seconds: float
    ended: Mapping[str, int]
    lines: Sequence[Line]
    wrong: Sequence[str]

    @property
    def findings(self) -> list[str]:
        return [*self.wrong, *(text for line in self.lines for text in _findings(line))]


def lines_of(series: Series, before: Sample, after: Sample, *, judged: bool) -> list[Line]:
    """Of every series, in the order of who was measured. Not `judged`: for too short a run."""
    return [
        Line(
            name,
            judge(points, name.kind.per_hour) if judged else None,
            before.get(name),
            after.get(name),
        )
        for name, points in sorted(series.items(), key=lambda item: item[0].who)
    ]


def is_left(name: Name, before: float | None, after: float | None) -> bool:
    allowed = name.kind.at_rest
    if allowed is None or before is None or after is None:
        return False
    return after > before + allowed


def _findings(line: Line) -> Iterator[str]:
    what = f"{line.name.who}: {line.name}"
    if line.verdict is not None and line.has_grown:
        verdict = line.verdict
        yield f"{what} grows by {verdict.per_hour:.1f} an hour, at least {verdict.at_least:.1f}"
    if line.is_left:
        yield f"{what} were {line.before:g} at rest before, and are {line.after:g} now"
