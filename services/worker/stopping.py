"""Ends an execution: by its grace, then by force, for as long as that takes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

from conveyor.extensions.runtimes import Outcome, RuntimeUnavailable
from services.worker.files.execution import FiledExecution

log = structlog.get_logger(__name__)

_STOP_AGAIN_SECONDS = 1.0
_LEASE_LOOK_SECONDS = 0.5


async def terminate(
    execution: FiledExecution,
    waiting: "asyncio.Task[Outcome]",
    grace_seconds: float,
    lease_is_valid: Callable[[], bool],
) -> None:
    """Until it has ended by itself, its grace is over, or its lease is: others may run it then.

    An engine that can't be told takes from the grace; what still runs is killed after it.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + grace_seconds
    with suppress(RuntimeUnavailable, TimeoutError):
        async with asyncio.timeout(grace_seconds):
            await execution.terminate()
    while not waiting.done() and lease_is_valid():
        if (left := until - loop.time()) <= 0:
            return
        await asyncio.wait([waiting], timeout=min(left, _LEASE_LOOK_SECONDS))


async def stop(execution: FiledExecution, task_id: str) -> None:
    """Until it is stopped; as long as it may run, heartbeats keep its lease."""
    while True:
        try:
            return await execution.stop()
        except RuntimeUnavailable as error:
            log.warning("stop_failed", task=task_id, error=str(error))
            await asyncio.sleep(_STOP_AGAIN_SECONDS)


async def abandon(step: "asyncio.Task[Any]") -> None:
    """What it raised is no matter any more."""
    if step.done():
        with suppress(asyncio.CancelledError):
            step.exception()  # seen: asyncio would tell of it otherwise
    else:
        step.cancel()
        await asyncio.gather(step, return_exceptions=True)
