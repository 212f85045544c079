"""Processes that a test expects to die, and what tells that they have."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path


def is_alive(pid: int) -> bool:
    """One that has ended and waits to be noticed by its parent is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # nobody has the number
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 60) -> float:
    """How many seconds it took to hold. Raises TimeoutError."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return time.monotonic() - began
            await asyncio.sleep(0.005)


async def pids_in(file: Path, count: int) -> list[int]:
    """The numbers that `count` processes write into a file, a line each."""

    def lines() -> list[str]:
        return file.read_text().split() if file.exists() else []

    await until(lambda: len(lines()) >= count)
    return [int(line) for line in lines()]
