"""Tasks whose files are brought and taken, as the worker does it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.engines.execution_driver import DEADLINE_SECONDS, Ran, Rig
from tests.support.files.tars import files_in, in_chunks, joined

Taken = list[dict[str, bytes]]


async def succeeded(ran: Ran, brought: Mapping[str, bytes]) -> None:
    """From its preparation to its end, with these tars by target."""
    await ran.execution.prepare()
    for target, archive in brought.items():
        await ran.execution.bring(target, in_chunks(archive))
    await ran.execution.start()
    outcome = await ran.execution.wait()
    assert (outcome.exit_code, outcome.reason) == (0, None), ran.text


async def taken(ran: Ran, path: str) -> dict[str, bytes]:
    async with ran.execution.take(path) as archive:
        return files_in(await joined(archive))


async def carried(
    rig: Rig, brought: Mapping[str, bytes], paths: Sequence[str] = (), **spec: Any
) -> tuple[str, Taken]:
    """The log of a task that succeeds, and what was taken from its paths."""
    ran = rig.task(**spec)
    async with asyncio.timeout(DEADLINE_SECONDS):
        try:
            await succeeded(ran, brought)
            return ran.text, [await taken(ran, path) for path in paths]
        finally:
            await ran.execution.close()
