"""The log of a task's own program, and the line a runtime adds when its output is too long."""

from services.worker.runtimes.protocol import LogSink


class OutputLog:
    """Passes the log on; what it adds stands in a line of its own, whatever came before it."""

    def __init__(self, sink: LogSink) -> None:
        self._sink = sink
        self._is_in_line = False

    async def write(self, data: bytes) -> None:
        if data:
            self._is_in_line = not data.endswith(b"\n")
        await self._sink(data)

    async def kept_output(self, data: bytes, size: int) -> str:
        """The task's output, of which `data` is kept; when it had more, `size` bytes, say so."""
        if size > len(data):
            line = f"conveyor: $TORK_OUTPUT is {size} bytes, only the first {len(data)} are kept\n"
            await self.write((b"\n" if self._is_in_line else b"") + line.encode())
        return data.decode(errors="replace")
