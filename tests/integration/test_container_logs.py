"""A container's log is whole, however late its worker gets rid of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.engines.execution_driver import NODE, Rig, address_of, engine_of, rig_of

pytestmark = pytest.mark.real

MUCH = 3_000_000
"""More than all buffers between a container and its worker take, the worker's own among them."""


@pytest.fixture(params=["docker", "podman"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with rig_of(request.param, **address_of(request.param, request)) as rig:
        yield rig


async def test_a_task_that_ends_while_its_log_takes_nothing_keeps_its_last_words(rig: Rig) -> None:
    # Given a log that takes nothing, as while the broker is away
    may_take, log = asyncio.Event(), bytearray()

    async def take(data: bytes, stream: int = 1) -> None:
        await may_take.wait()
        log.extend(data)

    # When a task that says much ends by itself, and its engine has put it away
    ran = rig.task(sink=take, run=f"head -c {MUCH} /dev/zero; printf end")
    waiting = await ran.begin()
    async with engine_of(rig.settings, rig.kind) as engine, asyncio.timeout(60):
        [container] = [c for c, node in await engine.labelled() if node == NODE]
        assert await engine.wait(container) == 0
    # Then all of it is there when the log takes it
    may_take.set()
    assert (await ran.finish(waiting)).is_success
    assert len(log) == MUCH + len("end")
    assert log.endswith(b"end")
