"""Submissions are admitted a few at a time: a flood is worked off instead of piling up."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.coordinator.api.errors import TooManyWaiting
from services.coordinator.api.tork.submission import AdmissionLimiter
from shared.process.metrics import Metrics


def page(metrics: Metrics) -> str:
    return metrics.render()[0].decode()


def being_admitted(
    limiter: AdmissionLimiter, over: asyncio.Event, had: list[str]
) -> Callable[[str], Awaitable[None]]:
    async def have(name: str) -> None:
        async with limiter.admitted():
            had.append(name)
            await over.wait()

    return have


async def test_submissions_are_admitted_in_the_order_in_which_they_came() -> None:
    over, had = asyncio.Event(), list[str]()
    have = being_admitted(AdmissionLimiter(2, 10, Metrics()), over, had)
    waiting = [asyncio.ensure_future(have(name)) for name in "abcd"]
    await asyncio.sleep(0)
    assert had == ["a", "b"]
    over.set()
    await asyncio.gather(*waiting)
    assert had == ["a", "b", "c", "d"]


async def test_a_submission_is_rejected_at_once_when_too_many_wait() -> None:
    over, had, metrics = asyncio.Event(), list[str](), Metrics()
    limiter = AdmissionLimiter(1, 1, metrics)
    have = being_admitted(limiter, over, had)
    waiting = [asyncio.ensure_future(have(name)) for name in "ab"]
    await asyncio.sleep(0)
    with pytest.raises(TooManyWaiting):
        await have("c")
    assert "conveyor_submissions_open 2.0" in page(metrics)
    assert "conveyor_submissions_rejected_total 1.0" in page(metrics)
    # And is let in when somebody has gone
    over.set()
    await asyncio.gather(*waiting)
    await have("d")
    assert had == ["a", "b", "d"]
    assert "conveyor_submissions_open 0.0" in page(metrics)


async def test_a_client_that_hangs_up_while_waiting_frees_its_place() -> None:
    over, had = asyncio.Event(), list[str]()
    limiter = AdmissionLimiter(1, 1, Metrics())
    have = being_admitted(limiter, over, had)
    first, second = (asyncio.ensure_future(have(name)) for name in "ab")
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    third = asyncio.ensure_future(have("c"))
    over.set()
    await asyncio.gather(first, third)
    assert had == ["a", "c"]
