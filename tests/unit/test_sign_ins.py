"""Guessing passwords: who guesses is slowed down, and stands in nobody's way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from services.coordinator.api.access.sign_ins import SignIns
from services.coordinator.api.errors import TooManyRequests
from tests.support.eventually import eventually


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def fail(sign_ins: SignIns, name: str = "ann", address: str = "1.1.1.1") -> int:
    """Seconds to wait before it is compared; 0 when it was."""
    try:
        async with sign_ins.attempt(name, address):
            return 0
    except TooManyRequests as refused:
        return int((refused.headers or {})["Retry-After"])


async def test_after_some_failures_each_waits_twice_as_long_up_to_a_minute() -> None:
    clock = Clock()
    sign_ins = SignIns(3, clock)
    with capture_logs() as lines:
        assert [await fail(sign_ins) for _ in range(4)] == [0, 0, 0, 1]
        waits = []
        for _ in range(8):
            waits.append(await fail(sign_ins))
            clock.now += waits[-1]
            assert await fail(sign_ins) == 0
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [(line["event"], line["user"]) for line in lines] == [("sign_ins_delayed", "ann")]
    assert [await fail(sign_ins, "ANN"), await fail(sign_ins, "bob")] == [60, 0]
    assert await fail(sign_ins, address="2.2.2.2") == 0
    clock.now += 16 * 60
    assert [await fail(sign_ins) for _ in range(4)] == [0, 0, 0, 1]


async def test_success_forgets_failures_and_zero_allows_any_number() -> None:
    sign_ins = SignIns(3, Clock())
    for _ in range(5):
        assert [await fail(sign_ins), await fail(sign_ins)] == [0, 0]
        async with sign_ins.attempt("ann", "1.1.1.1") as was_right:
            was_right()
    unlimited = SignIns(0, Clock())
    assert [await fail(unlimited) for _ in range(50)] == [0] * 50


async def test_of_many_guesses_at_once_no_more_are_compared_than_one_by_one() -> None:
    sign_ins = SignIns(3, Clock())
    waits = await asyncio.gather(*(fail(sign_ins) for _ in range(40)))
    assert sorted(waits) == [0] * 3 + [1] * 37


@asynccontextmanager
async def full(sign_ins: SignIns) -> AsyncIterator[asyncio.Event]:
    """Both places are taken until the event is set."""
    leave = asyncio.Event()

    async def stay(name: str) -> None:
        async with sign_ins.attempt(name, "9.9.9.9"):
            await leave.wait()

    async with asyncio.TaskGroup() as group:
        for name in ("x", "y"):
            group.create_task(stay(name))
        yield leave
        leave.set()


@pytest.mark.parametrize("flooding_names", [["ann"], [f"user{n}" for n in range(40)]])
async def test_who_waits_goes_before_a_flood_of_guesses_from_the_same_address(
    flooding_names: list[str],
) -> None:
    sign_ins = SignIns(5, Clock())
    order: list[str] = []

    async def sign_in(name: str, address: str) -> None:
        async with sign_ins.attempt(name, address):
            order.append(name)

    async with full(sign_ins) as leave, asyncio.TaskGroup() as group:
        for name in flooding_names:
            group.create_task(sign_in(name, "1.1.1.1"))
        await eventually(lambda: len(sign_ins._waiting) == len(flooding_names))
        group.create_task(sign_in("bob", "1.1.1.1"))
        group.create_task(sign_in("eve", "2.2.2.2"))
        await eventually(lambda: len(sign_ins._waiting) == len(flooding_names) + 2)
        leave.set()
    assert order[:2] == ["eve", "bob"]


async def test_who_leaves_while_waiting_gives_the_place_away() -> None:
    sign_ins = SignIns(5, Clock())
    async with full(sign_ins) as leave:
        waiting = [asyncio.create_task(fail(sign_ins, name)) for name in ("ann", "bob")]
        await eventually(lambda: len(sign_ins._waiting) == 2)
        waiting[1].cancel()
        leave.set()
        assert await waiting[0] == 0
    assert sign_ins._comparing == 0


async def test_old_names_are_forgotten_when_there_are_many() -> None:
    sign_ins = SignIns(5, Clock())
    for number in range(20_000):
        sign_ins.require_no_wait(str(number), "1.1.1.1")
    assert len(sign_ins._failures) <= 10_000
