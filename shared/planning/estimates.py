"""What a job will probably cost, by what jobs of the same app have cost.

The median of the past, for a chunk, a byte of input or a whole job: whichever of these is known of
the job and of enough of the past. The middle half of the past is the range. How far that is spread
and how much of the past there is gives the confidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import quantiles
from typing import Literal

from shared.lifecycle import Rates, Usage

MOST_RUNS = 20
"""Older ones say less of what an app does now."""
_MANY, _FEW = 10, 3
_NARROW, _WIDE = Decimal("0.25"), Decimal(1)

Basis = Literal["chunks", "input_bytes", "runs"]
Confidence = Literal["none", "low", "medium", "high"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """How much there is to do, as far as that is known."""

    chunks: int | None = None
    input_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun(Sized):
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`units` of the `basis` at so much each. Amounts in the unit of the prices; seconds of
    processors where there are none."""

    runs: int = 0
    basis: Basis | None = None
    units: int = 0
    amount: Decimal = Decimal(0)
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    cpu_seconds: Decimal = Decimal(0)
    confidence: Confidence = "none"


NO_HISTORY = Estimate()


def estimate(past: Sequence[PastRun], job: Sized, rates: Rates | None) -> Estimate:
    """NO_HISTORY where there is none."""
    if not past:
        return NO_HISTORY
    basis, units, runs = _basis(past, job)
    prices = rates or Rates()
    each = sorted(prices.price(run.usage) / _units(run, basis) for run in runs)
    seconds = sorted(Decimal(run.usage.cpu_us) / 1_000_000 / _units(run, basis) for run in runs)
    low, middle, high = _quartiles(each)
    return Estimate(
        runs=len(runs),
        basis=basis,
        units=units,
        amount=_rounded(middle * units),
        low=_rounded(low * units),
        high=_rounded(high * units),
        cpu_seconds=_rounded(_quartiles(seconds)[1] * units),
        confidence=_confidence(len(runs), *(_quartiles(each) if rates else _quartiles(seconds))),
    )


def _basis(past: Sequence[PastRun], job: Sized) -> tuple[Basis, int, Sequence[PastRun]]:
    if job.chunks and (counted := [run for run in past if run.chunks]):
        return "chunks", job.chunks, counted
    if job.input_bytes and (measured := [run for run in past if run.input_bytes]):
        return "input_bytes", job.input_bytes, measured
    return "runs", 1, past


def _units(run: PastRun, basis: Basis) -> int:
    return {"chunks": run.chunks, "input_bytes": run.input_bytes, "runs": 1}[basis] or 1


def _quartiles(values: Sequence[Decimal]) -> tuple[Decimal, Decimal, Decimal]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _confidence(runs: int, low: Decimal, middle: Decimal, high: Decimal) -> Confidence:
    spread = (high - low) / middle if middle else Decimal(0)
    if runs < _FEW or spread > _WIDE:
        return "low"
    return "high" if runs >= _MANY and spread <= _NARROW else "medium"


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.000001"))
