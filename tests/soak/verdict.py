"""Whether a series grows: the slope of its tail, and how sure that is.

The tail is cut into blocks of time, and each is its median: what jumps within a block is no growth.
The slope is the median of those between any two blocks (Theil and Sen), which a few outliers don't
move. It counts as growth when even its lower bound (by Kendall's variance) is above the limit: a
series that only swings has steep slopes both ways, and so a low bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import sqrt
from statistics import median

WARM_UP = 0.3
"""The part of a run that is left out: pools fill, caches fill, tables reach their size."""

_BLOCKS = 16
_LEAST_BLOCKS = 8
_SURE = 3.0  # standard deviations: with a hundred series a run, chance must not find one
_SECONDS_PER_HOUR = 3600.0

Point = tuple[float, float]
"""Seconds since the start, and the value then."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`per_hour` is the slope, `at_least` its lower bound, `limit` what it may be."""

    start: float
    end: float
    per_hour: float
    at_least: float
    limit: float

    @property
    def grows(self) -> bool:
        return self.at_least > self.limit


def judge(points: Sequence[Point], limit_per_hour: float) -> Verdict:
    """Of all points of a run, in order. Raises ValueError when they are too few to tell."""
    blocks = _blocks(_tail(points))
    if len(blocks) < _LEAST_BLOCKS:
        raise ValueError(f"{len(points)} points are too few to tell whether they grow")
    slopes = sorted((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(blocks, 2))
    return Verdict(
        start=blocks[0][1],
        end=blocks[-1][1],
        per_hour=median(slopes) * _SECONDS_PER_HOUR,
        at_least=slopes[_lower_rank(len(blocks))] * _SECONDS_PER_HOUR,
        limit=limit_per_hour,
    )


def _tail(points: Sequence[Point]) -> Sequence[Point]:
    if not points:
        return points
    first, last = points[0][0], points[-1][0]
    return [point for point in points if point[0] >= first + WARM_UP * (last - first)]


def _blocks(points: Sequence[Point]) -> list[Point]:
    """At most `_BLOCKS` of equally many points, each the medians of its times and values."""
    count = min(_BLOCKS, len(points))
    edges = [place * len(points) // count for place in range(count + 1)] if count else []
    parts = [points[a:b] for a, b in pairwise(edges)]
    return [(median(x for x, _ in part), median(y for _, y in part)) for part in parts]


def _lower_rank(count: int) -> int:
    """Where among the sorted slopes of `count` blocks the lower bound is."""
    slopes = count * (count - 1) // 2
    deviation = sqrt(count * (count - 1) * (2 * count + 5) / 18)
    return max(0, int((slopes - _SURE * deviation) / 2))
