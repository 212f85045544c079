"""Clean-up of what was cancelled, and is cancelled again."""

import asyncio
from threading import Event

import pytest

from shared.files.cleanup import cleaned_up


async def test_a_second_cancel_does_not_interrupt_clean_up() -> None:
    is_cleaning, may_end, cleaned = asyncio.Event(), Event(), list[str]()
    loop = asyncio.get_running_loop()

    def clean(what: str) -> None:
        loop.call_soon_threadsafe(is_cleaning.set)
        may_end.wait(30)
        cleaned.append(what)

    async def transfer() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await cleaned_up(clean, "partial")

    cancelled = asyncio.ensure_future(transfer())
    await asyncio.sleep(0)
    cancelled.cancel()
    await is_cleaning.wait()
    cancelled.cancel()
    await asyncio.sleep(0)
    assert not cancelled.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert cleaned == ["partial"]


async def test_an_error_of_clean_up_is_raised() -> None:
    def clean() -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        await cleaned_up(clean)
