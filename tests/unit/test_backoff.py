"""How long services wait before they try something again."""

import asyncio
import time

import pytest

from shared.broker.backoff import Backoff


class Clock:
    """Time that passes in sleeps alone, or when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def waited(self, backoff: Backoff) -> float:
        began = self.now
        await backoff.wait()
        return self.now - began


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(asyncio, "sleep", clock.sleep)
    return clock


async def test_what_goes_on_failing_is_tried_ever_more_rarely_up_to_every_two_seconds(
    clock: Clock,
) -> None:
    backoff = Backoff()

    waits = [await clock.waited(backoff) for _ in range(10)]

    assert 0.05 <= waits[0] <= 0.1
    assert all(1 <= wait <= 2 for wait in waits[-3:])


async def test_what_breaks_soon_after_it_came_up_is_not_tried_at_once(clock: Clock) -> None:
    backoff = Backoff()
    for _ in range(10):
        await backoff.wait()

    clock.now += 0.8

    assert await clock.waited(backoff) >= 1


async def test_what_has_held_for_a_while_is_tried_again_at_once(clock: Clock) -> None:
    backoff = Backoff()
    for _ in range(10):
        await backoff.wait()

    clock.now += 2.1

    assert await clock.waited(backoff) <= 0.1
