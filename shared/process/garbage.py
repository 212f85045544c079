"""Work in a thread, and no full round of the garbage collector while much is made there.

Such a round stops all threads until it has seen all objects; the small rounds go on.
"""

import asyncio
import gc
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

T = TypeVar("T")

_NEVER = 2**31 - 1
_lock = Lock()
_works = 0


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` gives: the event loop goes on meanwhile."""
    return await asyncio.to_thread(without_full_rounds, work)


def without_full_rounds(work: Callable[[], T]) -> T:
    """What `work` gives. Several may run at once."""
    _count(+1)
    try:
        return work()
    finally:
        _count(-1)


_YOUNGEST, _YOUNGER, _OLDEST = gc.get_threshold()


def _count(change: int) -> None:
    global _works
    with _lock:
        _works += change
        gc.set_threshold(_YOUNGEST, _YOUNGER, _NEVER if _works else _OLDEST)
