"""Loops: a round that fails is repeated, and a stop ends the loop between two rounds."""

import asyncio

import pytest
from structlog.testing import capture_logs

from shared.process import loops
from shared.process.loops import MAX_BACKOFF_SECONDS, backoff_seconds, every
from shared.process.run import Stop


class Unreachable(Exception):
    pass


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "backoff_seconds", lambda failures: 0.0)


async def run_rounds(*outcomes: object, interval_seconds: float = 0) -> list[str]:
    """Do a round for each outcome (an error is raised, anything else returned), then stop.

    Gives the level of each log line.
    """
    stop = Stop()
    left = list(outcomes)

    async def do_round() -> float | None:
        outcome = left.pop(0)
        if not left:
            stop.request()
        if isinstance(outcome, Exception):
            raise outcome
        return None

    with capture_logs() as lines:
        async with asyncio.timeout(60):
            await every(
                do_round,
                interval_seconds=interval_seconds,
                stop=stop,
                name="test",
                unavailable=(Unreachable,),
            )
    assert not left
    return [line["log_level"] for line in lines]


async def test_a_loop_outlives_rounds_that_fail() -> None:
    assert await run_rounds(None, ValueError("bug"), None) == ["error"]


async def test_an_outage_is_a_warning_and_a_bug_is_an_error() -> None:
    assert await run_rounds(Unreachable("db"), ValueError("bug"), None) == ["warning", "error"]


async def test_a_long_outage_is_told_now_and_then_and_its_end_too() -> None:
    levels = await run_rounds(*[Unreachable("db")] * 33, None)
    assert levels == [*["warning"] * 5, "info"]


async def test_a_stop_does_not_wait_for_the_interval() -> None:
    assert await run_rounds(None, interval_seconds=3600) == []


async def test_a_round_says_when_the_next_one_is_due() -> None:
    stop = Stop()
    delays = iter([0.0, 0.0])

    async def do_round() -> float | None:
        delay = next(delays, None)
        if delay is None:
            stop.request()
        return delay

    async with asyncio.timeout(60):
        await every(do_round, interval_seconds=3600, stop=stop, name="test")


def test_the_delay_after_failures_grows_up_to_its_limit() -> None:
    assert 0.25 <= backoff_seconds(1) <= 0.5
    assert 1 <= backoff_seconds(3) <= 2
    assert MAX_BACKOFF_SECONDS / 2 <= backoff_seconds(5000) <= MAX_BACKOFF_SECONDS


async def test_a_loop_that_is_woken_does_its_next_round_at_once() -> None:
    stop, wake, rounds = Stop(), asyncio.Event(), 0

    async def do_round() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            stop.request()
        asyncio.get_running_loop().call_soon(wake.set)

    async with asyncio.timeout(60):
        await every(do_round, interval_seconds=3600, wake=wake, stop=stop)
    assert rounds == 3
