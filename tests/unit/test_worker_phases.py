"""The phases of an attempt: which there were, when they began, how long they took."""

import asyncio
from collections.abc import Iterator

import pytest

from services.worker.phases import Phases, phase, phases_of_attempt


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def phases(clock: Clock) -> Iterator[Phases]:
    phases = Phases(clock)
    with phases_of_attempt(phases):
        yield phases


def told(phases: Phases) -> list[tuple[str, int, int]]:
    return [(each.phase, each.started_ms, each.duration_ms) for each in phases.timings()]


def test_a_pull_that_began_before_the_grant_has_an_offset_below_zero(
    clock: Clock, phases: Phases
) -> None:
    with phase("pull"):
        clock.now += 0.05
        phases.start()
        clock.now += 2
    with phase("run"):
        clock.now += 1
    assert told(phases) == [("pull", -50, 2050), ("run", 2000, 1000)]


def test_what_begins_within_a_phase_interrupts_it(clock: Clock, phases: Phases) -> None:
    with phase("run"):
        with phase("pre"):
            clock.now += 1
        with phase("pull"):
            clock.now += 2
        with phase("run"):
            clock.now += 3
        clock.now += 4
    assert told(phases) == [("pre", 0, 1000), ("pull", 1000, 2000), ("run", 3000, 7000)]


async def test_pulls_at_the_same_time_are_one(clock: Clock, phases: Phases) -> None:
    is_over = asyncio.Event()

    async def pull() -> None:
        with phase("pull"):
            await is_over.wait()

    pulls = [asyncio.create_task(pull()) for _ in range(2)]
    await asyncio.sleep(0)
    clock.now += 1
    is_over.set()
    await asyncio.gather(*pulls)
    assert told(phases) == [("pull", 0, 1000)]


def test_a_phase_that_goes_on_counts_until_now(clock: Clock, phases: Phases) -> None:
    with phase("fetch"):
        clock.now += 1.5
        assert told(phases) == [("fetch", 0, 1500)]
        clock.now += 1
    assert told(phases) == [("fetch", 0, 2500)]


def test_what_another_worker_has_begun_is_told_as_one_run(clock: Clock, phases: Phases) -> None:
    with phase("pull"):
        clock.now += 2
    began_at = clock.now
    found = Phases(clock)
    found.restore(phases.saved(), began_at)
    clock.now += 60  # nobody is there
    with phases_of_attempt(found), phase("run"):
        clock.now += 5
    assert told(found) == [("pull", 0, 2000), ("run", 2000, 65000)]


def test_without_an_attempt_nothing_is_measured() -> None:
    with phase("pull"):
        pass
