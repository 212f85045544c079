"""Samples that become one, and quantiles of their histograms."""

from bisect import bisect_right
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.coordinator.api.tork.history import step_for
from shared.store.samples import (
    BOUNDS_SECONDS,
    QueueSample,
    begin_of_step,
    by_step,
    merged_queue,
    quantile,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def sample(at: datetime, **fields: float) -> QueueSample:
    return QueueSample(
        queue="q",
        at=at,
        seconds=fields.get("seconds", 15),
        samples=int(fields.get("samples", 1)),
        is_thinned="samples" in fields,
        size=fields.get("size", 0),
        max_size=int(fields.get("size", 0)),
        oldest_seconds=None,
        subscribers=0,
        running=0,
    )


@given(st.lists(st.floats(0.001, 900_000), min_size=1), st.sampled_from((0.5, 0.95, 0.99)))
def test_a_quantile_is_off_by_no_more_than_its_bucket(times: list[float], share: float) -> None:
    counts = Counter(str(bisect_right(BOUNDS_SECONDS, each)) for each in times)
    rank = max(-int(-share * len(times) // 1), 1)
    true = sorted(times)[rank - 1]
    assert true / 1.27 < (quantile(counts, share) or 0) < true * 1.27


def test_there_is_no_quantile_of_nothing() -> None:
    assert quantile({}, 0.5) is None


def test_what_covers_more_weighs_more() -> None:
    merged = merged_queue([sample(BEGIN, size=10), sample(BEGIN, size=2, samples=3)], BEGIN)
    assert (merged.size, merged.max_size, merged.samples) == (4, 10, 4)


def test_a_sample_belongs_to_the_step_in_which_it_ends() -> None:
    at_the_end, after = BEGIN + MINUTE, BEGIN + MINUTE + timedelta(seconds=1)
    steps = by_step([sample(at_the_end), sample(after)], MINUTE)
    assert list(steps) == [BEGIN, at_the_end]
    assert begin_of_step(after, MINUTE) == at_the_end


def test_steps_are_round_and_never_shorter_than_what_was_sampled() -> None:
    hour = timedelta(hours=1)
    fine, thinned = [sample(BEGIN, seconds=15.2)] * 9, [sample(BEGIN, seconds=300, samples=20)]
    assert step_for([], hour, 120) == timedelta(seconds=60)
    assert step_for(fine, hour, 500) == timedelta(seconds=15)
    assert step_for([*fine, *thinned], hour, 500) == timedelta(minutes=5)
    assert step_for(thinned, timedelta(days=14), 120) == timedelta(hours=3)
    assert step_for([], timedelta(days=4000), 10) == timedelta(days=445)
