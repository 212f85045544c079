"""Whole lines into a log that several write to at once.

Pieces of a line would be torn apart by another's lines, and a secret in them would no longer be
found and taken out.
"""

from services.worker.runtimes.protocol import LogSink

_LONGEST = 1024 * 1024


class LogLines:
    def __init__(self, log: LogSink, prefix: str = "") -> None:
        """`prefix` goes before every line."""
        self._log = log
        self._prefix = prefix.encode()
        self._rest = b""

    async def write(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _LONGEST:  # memory has an end
            lines.append(self._rest)
            self._rest = b""
        if lines:
            await self._log(b"".join(self._prefix + line + b"\n" for line in lines))

    async def end(self) -> None:
        """Write the last line that had no end. Idempotent."""
        rest, self._rest = self._rest, b""
        if rest:
            await self._log(self._prefix + rest + b"\n")
