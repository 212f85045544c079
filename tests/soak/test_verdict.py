"""What the soak stands on: it must see what grows, and nothing else."""

from collections.abc import Callable, Iterator
from random import Random

import pytest

from tests.soak.verdict import Point, judge

LIMIT = 10.0  # an hour


def series(value_at: Callable[[float], float], minutes: float = 10) -> list[Point]:
    """A point every five seconds."""
    return [(5.0 * n, value_at(5.0 * n)) for n in range(int(minutes * 12))]


def noise(seed: int, size: float) -> Callable[[], float]:
    random = Random(seed)
    return lambda: random.gauss(0, size)


def growing(per_hour: float) -> Callable[[float], float]:
    return lambda seconds: 80 + per_hour * seconds / 3600


def test_a_flat_series_does_not_grow() -> None:
    verdict = judge(series(lambda _: 80.0), LIMIT)
    assert (verdict.per_hour, verdict.grows) == (0, False)


@pytest.mark.parametrize("seed", range(50))
def test_a_noisy_series_does_not_grow(seed: int) -> None:
    swing = noise(seed, 3)
    assert not judge(series(lambda _: 80 + swing()), LIMIT).grows


def test_a_wandering_series_does_not_grow_more_than_once_in_a_hundred_times() -> None:
    # What comes is near what was, as with memory: not every value is a new throw of the dice
    def wandering(seed: int) -> Callable[[float], float]:
        step, place = noise(seed, 0.3), 0.0

        def value(_: float) -> float:
            nonlocal place
            place = 0.9 * place + step()
            return 80 + place

        return value

    found = [seed for seed in range(300) if judge(series(wandering(seed)), LIMIT).grows]
    assert len(found) <= 3


@pytest.mark.parametrize("seed", range(20))
def test_a_leak_is_seen_through_the_noise(seed: int) -> None:
    swing, leak = noise(seed, 0.5), growing(30)
    verdict = judge(series(lambda at: leak(at) + swing()), LIMIT)
    assert verdict.grows
    assert verdict.per_hour == pytest.approx(30, abs=10)


def test_a_leak_in_rare_steps_is_seen() -> None:
    # One more every minute
    assert judge(series(lambda at: 20 + at // 60), LIMIT).grows


def test_a_growth_within_the_limit_is_none() -> None:
    assert not judge(series(growing(5)), LIMIT).grows


@pytest.mark.parametrize("period", [20, 60, 130, 200])
def test_a_sawtooth_does_not_grow(period: float) -> None:
    # Garbage that is gathered and thrown away
    assert not judge(series(lambda at: 80 + 20 * (at % period) / period), LIMIT).grows


def test_a_sawtooth_on_a_leak_grows() -> None:
    leak = growing(200)
    assert judge(series(lambda at: leak(at) + 2 * (at % 60) / 60), LIMIT).grows


def test_what_grows_at_first_and_then_is_full_does_not_grow() -> None:
    assert not judge(series(lambda at: min(80 + at, 200)), LIMIT).grows


def test_a_leak_of_an_hour_is_seen_though_it_is_slow() -> None:
    swing, leak = noise(1, 1), growing(14)
    assert judge(series(lambda at: leak(at) + swing(), minutes=60), LIMIT).grows


def test_too_few_points_are_no_verdict() -> None:
    def few() -> Iterator[Point]:
        yield from ((float(n), 1.0) for n in range(6))

    with pytest.raises(ValueError, match="too few"):
        judge(list(few()), LIMIT)
    with pytest.raises(ValueError, match="too few"):
        judge([], LIMIT)
