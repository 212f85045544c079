"""Clean-up that a cancel, or a second one, does not interrupt."""

from asyncio import CancelledError, ensure_future, to_thread, wait
from collections.abc import Callable, Coroutine
from typing import Any


async def to_its_end(work: Coroutine[Any, Any, object]) -> None:
    """What cancels this meanwhile is raised when the work is over."""
    working, cancelled = ensure_future(work), None
    while not working.done():
        try:
            await wait((working,))
        except CancelledError as error:
            cancelled = error
    failure = working.exception()
    if cancelled is not None:
        raise cancelled from failure
    working.result()


async def cleaned_up(clean: Callable[..., object], *arguments: object) -> None:
    """In a thread."""
    await to_its_end(to_thread(clean, *arguments))
