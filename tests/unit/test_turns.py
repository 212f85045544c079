"""Submissions take turns, so that a flood of them is worked off instead of piling up."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.coordinator.api.turns import TooManyWaiting, Turns
from shared.process.metrics import Metrics


def page(metrics: Metrics) -> str:
    return metrics.render()[0].decode()


def having_a_turn(
    turns: Turns, over: asyncio.Event, had: list[str]
) -> Callable[[str], Awaitable[None]]:
    async def have(name: str) -> None:
        async with turns.turn():
            had.append(name)
            await over.wait()

    return have


async def test_who_comes_first_has_the_first_turn() -> None:
    over, had = asyncio.Event(), list[str]()
    have = having_a_turn(Turns(2, 10, Metrics()), over, had)
    waiting = [asyncio.ensure_future(have(name)) for name in "abcd"]
    await asyncio.sleep(0)
    assert had == ["a", "b"]
    over.set()
    await asyncio.gather(*waiting)
    assert had == ["a", "b", "c", "d"]


async def test_who_finds_too_many_waiting_is_sent_away_at_once() -> None:
    over, had, metrics = asyncio.Event(), list[str](), Metrics()
    turns = Turns(1, 1, metrics)
    have = having_a_turn(turns, over, had)
    waiting = [asyncio.ensure_future(have(name)) for name in "ab"]
    await asyncio.sleep(0)
    with pytest.raises(TooManyWaiting):
        await have("c")
    assert "conveyor_submissions_open 2.0" in page(metrics)
    assert "conveyor_submissions_sent_away_total 1.0" in page(metrics)
    # And is let in when somebody has gone
    over.set()
    await asyncio.gather(*waiting)
    await have("d")
    assert had == ["a", "b", "d"]
    assert "conveyor_submissions_open 0.0" in page(metrics)


async def test_who_hangs_up_while_waiting_leaves_the_place_to_another() -> None:
    over, had = asyncio.Event(), list[str]()
    turns = Turns(1, 1, Metrics())
    have = having_a_turn(turns, over, had)
    first, second = (asyncio.ensure_future(have(name)) for name in "ab")
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    third = asyncio.ensure_future(have("c"))
    over.set()
    await asyncio.gather(first, third)
    assert had == ["a", "c"]
