"""One task's log on its way out: bytes in, numbered parts out, secrets taken out on the way.

Parts leave when a quarter of a megabyte has gathered or some time has passed. `write` waits while
a full buffer is being sent: that is the back-pressure on a task that writes faster than it can be
stored. What is left at the end travels with the task's report.
"""

import asyncio
import codecs
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from shared.broker.protocol import Outgoing
from shared.broker.publisher import Publisher
from shared.messages import PARTS_PER_DISPATCH, LogPart, TaskRef, Telemetry, encode
from shared.messages.queues import TELEMETRY
from shared.process.redaction import Redactor

PART_CHARACTERS = 64 * 1024
_FULL_CHARACTERS = 4 * PART_CHARACTERS
_LAST_WORDS_CHARACTERS = 1024
_OUR_LINE = re.compile(r"^\[conveyor\] .*\n?", re.MULTILINE)
"""What files were brought or kept is no reason for a task's end."""


class TaskLog:
    def __init__(
        self,
        ref: TaskRef,
        node_id: str,
        publisher: Publisher,
        redactor: Redactor,
        flush_seconds: float,
    ) -> None:
        self._ref = ref
        self._node_id = node_id
        self._publisher = publisher
        self._redactor = redactor
        self._flush_seconds = flush_seconds
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._buffer: list[str] = []
        self._size = 0
        self._number = self._first = (ref.dispatch - 1) * PARTS_PER_DISPATCH
        self._last_words = ""
        self._is_at_line_start = True
        self._sending = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None

    async def write(self, data: bytes) -> None:
        text = self._decoder.decode(data)
        if not text:
            return
        self._is_at_line_start = text.endswith("\n")
        self._buffer.append(text)
        self._size += len(text)
        if self._size >= _FULL_CHARACTERS:
            await self._flush()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._flush_seconds, self._flush_soon)

    async def write_line(self, line: bytes) -> None:
        """One of ours: never at the end of what the task has not ended with a newline."""
        await self.write(line if self._is_at_line_start else b"\n" + line)

    async def finish(self) -> list[LogPart]:
        """The parts that have not left yet; call once, after the last `write`."""
        if self._timer is not None:
            self._timer.cancel()
        async with self._sending:  # what is on its way comes before the rest
            self._buffer.append(self._decoder.decode(b"", final=True))
            return list(self._parts(self._take(everything=True)))

    @property
    def part_count(self) -> int:
        return self._number - self._first

    @property
    def last_words(self) -> str:
        """The last lines that the task itself has written, a kilobyte at most."""
        return self._last_words.strip()

    def _flush_soon(self) -> None:
        self._timer = None
        self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        async with self._sending:
            parts = list(self._parts(self._take(everything=False)))
            if parts:
                telemetry = Telemetry(node_id=self._node_id, logs=parts)
                await self._publisher.send(
                    [Outgoing(TELEMETRY, encode(telemetry), uuid.uuid4().hex)]
                )

    def _take(self, *, everything: bool) -> str:
        """What may leave. With secrets about, an end that may be half a secret stays."""
        text = "".join(self._buffer)
        self._buffer.clear()
        self._size = 0
        if self._redactor:
            text, rest = (
                (self._redactor.text(text), "") if everything else self._redactor.leading(text)
            )
            if rest:
                self._buffer.append(rest)
                self._size = len(rest)
        self._last_words = (self._last_words + _OUR_LINE.sub("", text))[-_LAST_WORDS_CHARACTERS:]
        return text

    def _parts(self, text: str) -> Iterator[LogPart]:
        """Parts end at a line's end where there is one."""
        start = 0
        while start < len(text):
            end = min(start + PART_CHARACTERS, len(text))
            if end < len(text):
                end = text.rfind("\n", start, end) + 1 or end
            self._number += 1
            yield LogPart(
                job_id=self._ref.job_id,
                task_id=self._ref.task_id,
                number=self._number,
                contents=text[start:end],
                created_at=datetime.now(UTC),
            )
            start = end
