"""Something that runs in the background for as long as a context lasts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def beside(
    main: Coroutine[None, None, None], stop: Callable[[], None]
) -> AsyncIterator[None]:
    """Run `main` beside the body; when the body ends, `stop` it and wait until it has ended.

    An error of `main` ends the body, and comes out of the context in its place.
    """
    body = asyncio.current_task()
    assert body is not None  # noqa: S101 - for the type checker: a coroutine runs in a task
    background = asyncio.create_task(main)

    def end_body(_: object) -> None:
        body.cancel()

    background.add_done_callback(end_body)
    try:
        yield
    except asyncio.CancelledError:
        if background.done() and not background.cancelled() and background.exception():
            body.uncancel()  # it was us: the wait below raises the reason
        else:
            raise
    finally:
        background.remove_done_callback(end_body)
        stop()
        await _ended(background)


async def _ended(background: "asyncio.Task[None]") -> None:
    """Wait for the end. A group with one error is that error: the caller looks at its class."""
    try:
        await background
    except ExceptionGroup as group:
        error: Exception = group
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None
