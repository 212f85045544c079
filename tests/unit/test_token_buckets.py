"""The rate limit's buckets, on a clock of the test's own."""

from services.coordinator.api.middlewares.rate_limit import TokenBuckets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_may_be_taken_at_once_and_no_more() -> None:
    buckets = TokenBuckets(2, 3, Clock())
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_tokens_come_back_at_the_rate() -> None:
    clock = Clock()
    buckets = TokenBuckets(2, 3, clock)
    for _ in range(3):
        buckets.take("a")
    clock.now += 0.5
    assert [buckets.take("a"), buckets.take("a")] == [0, 0.5]
    clock.now += 60
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_each_name_has_a_bucket_of_its_own() -> None:
    buckets = TokenBuckets(1, 1, Clock())
    assert [buckets.take("a"), buckets.take("b"), buckets.take("a")] == [0, 0, 1]


def test_to_look_takes_nothing() -> None:
    buckets = TokenBuckets(1, 1, Clock())
    assert [buckets.wait("a"), buckets.wait("a"), buckets.take("a"), buckets.wait("a")] == [
        0,
        0,
        0,
        1,
    ]


def test_full_buckets_are_forgotten() -> None:
    clock = Clock()
    buckets = TokenBuckets(1, 1, clock)
    for number in range(20_000):
        clock.now += 1
        buckets.take(str(number))
    assert len(buckets._full_at) <= 10_001
