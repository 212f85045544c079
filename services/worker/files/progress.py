"""What a task's log says of its transfers."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from conveyor.extensions.runtimes import LogSink
from shared.messages import OWN_LINE

_INTERVAL_SECONDS = 3.0
_UNITS = ("B", "kB", "MB", "GB", "TB")


def size_text(size: int) -> str:
    """`1.2 GB`, in powers of a thousand."""
    amount, unit = float(size), 0
    while amount >= 999.95 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"


@dataclass
class Progress:
    """Of one transfer; `what` is what the lines begin with. `total` None: nobody knows it."""

    log: LogSink
    what: str
    total: int | None = None
    done: int = 0
    _told_at: float = 0.0

    def __post_init__(self) -> None:
        self._told_at = time.monotonic()

    async def counted(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            await self.add(len(chunk))
            yield chunk

    async def add(self, count: int) -> None:
        self.done += count
        if time.monotonic() - self._told_at >= _INTERVAL_SECONDS:
            self._told_at = time.monotonic()
            of_total = f" of {size_text(self.total)}" if self.total else ""
            await self.say(f"{size_text(self.done)}{of_total}")

    async def say(self, text: str) -> None:
        await self.log(f"{OWN_LINE}{self.what}: {text}\n".encode("utf-8", "replace"))
