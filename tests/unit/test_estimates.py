"""What a job will probably cost, by what others have cost."""

from decimal import Decimal

import pytest

from shared.lifecycle import Rates, Usage
from shared.planning.estimates import NO_HISTORY, Confidence, PastRun, Sized, estimate

RATES = Rates(cpu_second=Decimal("0.1"), unit="BYC")


def run(seconds: int, chunks: int | None = None, input_bytes: int | None = None) -> PastRun:
    usage = Usage(cpu_us=seconds * 1_000_000)
    return PastRun(usage=usage, chunks=chunks, input_bytes=input_bytes)


def test_without_history_nothing_is_estimated_and_it_says_so() -> None:
    assert estimate([], Sized(chunks=3), RATES) == NO_HISTORY
    assert (NO_HISTORY.confidence, NO_HISTORY.basis) == ("none", None)


def test_a_job_with_chunks_is_compared_chunk_by_chunk() -> None:
    past = [run(10, chunks=1), run(40, chunks=2), run(90, chunks=3), run(1)]
    found = estimate(past, Sized(chunks=10, input_bytes=7), RATES)
    assert (found.basis, found.units, found.runs) == ("chunks", 10, 3)
    assert [found.low, found.amount, found.high] == [Decimal(15), Decimal(20), Decimal(25)]
    assert found.cpu_seconds == 200


def test_before_there_are_chunks_the_size_of_the_input_counts() -> None:
    past = [run(10, chunks=1, input_bytes=100), run(10, chunks=1, input_bytes=100)]
    found = estimate(past, Sized(input_bytes=1000), RATES)
    assert (found.basis, found.units, found.amount) == ("input_bytes", 1000, Decimal(10))


def test_a_job_of_unknown_size_costs_what_jobs_cost() -> None:
    found = estimate([run(10), run(20), run(90)], Sized(), RATES)
    assert (found.basis, found.units, found.amount) == ("runs", 1, Decimal(2))


def test_without_prices_seconds_are_estimated_alone() -> None:
    found = estimate([run(10), run(20), run(30)], Sized(), None)
    assert (found.amount, found.cpu_seconds) == (Decimal(0), Decimal(20))
    assert found.confidence == "medium"


@pytest.mark.parametrize(
    ("seconds", "confidence"),
    [
        ([10], "low"),
        ([10, 10, 10], "medium"),
        ([10, 12, 10, 12], "medium"),
        ([10] * 10, "high"),
        ([10, 20] * 5, "medium"),
        ([1, 10, 100] * 4, "low"),
    ],
)
def test_confidence_grows_with_history_and_falls_with_its_spread(
    seconds: list[int], confidence: Confidence
) -> None:
    assert estimate([run(each) for each in seconds], Sized(), RATES).confidence == confidence
