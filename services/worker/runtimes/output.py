"""What a task says on its way to its log: read on while the log takes none, in whole lines where
several write to one log; and what $TORK_OUTPUT and $TORK_PROGRESS may hold.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

from conveyor.extensions.runtimes import STDOUT, LogSink, Outcome, RuntimeRejected
from shared.definition.quantities import memory_text

_FREELY_BYTES = 256 * 1024
_LEAST_BYTES_PER_SECOND = 512 * 1024
# At that pace for longer than a worker that nobody hears keeps its tasks, with the usual lease.
_MOST_BYTES = 16 * 1024 * 1024


Piece = tuple[int, bytes]
"""What was written, after the number of its stream."""


async def pass_on(source: AsyncIterator[Piece], sink: LogSink) -> None:
    """Returns when `source` has ended and `sink` has taken all of it, in order.

    Docker keeps what nobody has read for 2 s after a container's end, then throws away what is
    still in its pipes. If reading stood still for as long as the log does, say while the broker is
    away, a task that ends meanwhile would lose its last words. So reading goes on, at a pace that
    holds the task back and empties the pipes in time: to get there, half a megabyte at the most
    must be read.
    """
    held = _Held()
    reading = asyncio.create_task(held.fill(source))
    try:
        while piece := await held.take():
            stream, data = piece
            await sink(data, stream)
        await reading
    finally:
        reading.cancel()
        await asyncio.wait([reading])


class _Held:
    """What was read and not taken yet."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()
        self._size = 0
        self._is_over = False
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()

    async def fill(self, source: AsyncIterator[Piece]) -> None:
        try:
            async for stream, data in source:
                self._pieces.append((stream, data))
                self._size += len(data)
                self._filled.set()
                await self._rest(len(data) / _LEAST_BYTES_PER_SECOND)
        finally:
            self._is_over = True
            self._filled.set()

    async def take(self) -> Piece | None:
        """The next piece; None when there will be none."""
        while not self._pieces and not self._is_over:
            self._filled.clear()
            await self._filled.wait()
        if not self._pieces:
            return None
        piece = self._pieces.popleft()
        self._size -= len(piece[1])
        self._taken.set()
        return piece

    async def _rest(self, seconds: float) -> None:
        """Until little is held, but no longer than that unless too much is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._shrink_to(_FREELY_BYTES)
        await self._shrink_to(_MOST_BYTES)

    async def _shrink_to(self, size: int) -> None:
        while self._size > size:
            self._taken.clear()
            await self._taken.wait()


_LONGEST = 1024 * 1024


class LogLines:
    """Whole lines into a log that several write to at once.

    Pieces of a line would be torn apart by another's lines, and a secret in them would no longer
    be found and taken out.
    """

    def __init__(self, log: LogSink, prefix: str = "") -> None:
        """`prefix` goes before every line."""
        self._log = log
        self._prefix = prefix.encode()
        self._rests: dict[int, bytes] = {}

    async def write(self, data: bytes, stream: int = STDOUT) -> None:
        lines = (self._rests.pop(stream, b"") + data).split(b"\n")
        rest = lines.pop()
        if len(rest) > _LONGEST:  # memory has an end
            lines.append(rest)
        elif rest:
            self._rests[stream] = rest
        if lines:
            await self._log(b"".join(self._prefix + line + b"\n" for line in lines), stream)

    async def end(self) -> None:
        """Write the last lines that had no end. Idempotent."""
        rests, self._rests = self._rests, {}
        for stream, rest in rests.items():
            await self._log(self._prefix + rest + b"\n", stream)


class _ResultTooLarge(RuntimeRejected):
    """A part of a result would be another result."""


def outcome_with(
    data: bytes,
    size: int,
    limit: int,
    *,
    keeps_large: bool,
    exit_code: int = 0,
    reason: str | None = None,
) -> Outcome:
    """Of a task that ended with what it succeeds with. `data` is what was read of the `size` bytes
    of $TORK_OUTPUT, `limit` at most. Raises RuntimeRejected when there is more, unless that is
    kept."""
    outcome = Outcome(exit_code=exit_code, output="", reason=reason, is_expected=True)
    try:
        return replace(outcome, output=_result_of(data, size, limit))
    except _ResultTooLarge:
        if not keeps_large:
            raise
        return replace(outcome, large_result_bytes=size)


def _result_of(data: bytes, size: int, limit: int) -> str:
    if size > limit:
        raise _too_large(f"{size} bytes", limit)
    # What can't be stored takes three bytes where it was one.
    text = data.decode(errors="replace").replace("\0", "\ufffd")
    if len(data) * 3 > limit and (as_text := len(text.encode())) > limit:
        raise _too_large(f"{as_text} bytes as text", limit)
    return text


def _too_large(size: str, limit: int) -> _ResultTooLarge:
    return _ResultTooLarge(
        f"result_too_large: $TORK_OUTPUT is {size}, and this worker takes at most {limit} "
        "(its setting CONVEYOR_RUNTIME_OUTPUT_MAX_BYTES)"
    )


def parse_progress(raw: bytes) -> float | None:
    """The number, held within 0..100; None for anything else (a half-written file included)."""
    try:
        value = float(raw)
    except ValueError:  # empty, or caught in the middle of a write: the next look will tell
        return None
    return min(max(value, 0.0), 100.0) if math.isfinite(value) else None


def over_memory(limit_bytes: int) -> str:
    """Why a program was killed."""
    return f"memory limit of {memory_text(limit_bytes)} exceeded"
