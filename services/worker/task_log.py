"""One task's log on its way out: bytes in, numbered parts out, secrets taken out on the way.

Parts leave when a quarter of a megabyte has gathered or some time has passed. `write` waits while
a full buffer is being sent: that is the back-pressure on a task that writes faster than it can be
stored. What is left at the end travels with the task's report.
"""

import asyncio
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

from conveyor.extensions.runtimes import STDOUT
from services.worker.log_streams import LogStreams, Run, StderrLines, text_of
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


class Journal(Protocol):
    """`log_number` parts were made, of which `log_parts` may not have arrived."""

    log_number: int
    log_parts: Sequence[LogPart]

    def logged(self, parts: Sequence[LogPart], number: int) -> None: ...


class TaskLog:
    def __init__(
        self,
        ref: TaskRef,
        node_id: str,
        publisher: Publisher,
        redactor: Redactor,
        flush_seconds: float,
        journal: "Journal | None" = None,
    ) -> None:
        """`journal` hears of parts before they are sent, and has those of the worker before."""
        self._journal = journal
        self._ref = ref
        self._node_id = node_id
        self._publisher = publisher
        self._redactor = redactor
        self._flush_seconds = flush_seconds
        self._is_within_line = journal is not None and _ends_within_line(journal.log_parts)
        # What waits would be lost with this worker, where another goes on.
        patience_seconds = 0.0 if journal is not None else flush_seconds
        self._streams = LogStreams(patience_seconds, is_within_line=self._is_within_line)
        self._number = self._first = (ref.dispatch - 1) * PARTS_PER_DISPATCH
        if journal is not None:
            self._number += journal.log_number
        self._last_words = ""
        self._sending = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None

    async def write(self, data: bytes, stream: int = STDOUT) -> None:
        if not self._streams.write(data, stream, time.monotonic()):
            return
        if self._streams.size >= _FULL_CHARACTERS:
            await self._flush()
        else:
            self._flush_later()

    async def write_line(self, line: bytes, stream: int = STDOUT) -> None:
        """One of ours: never at the end of what the task has not ended with a newline."""
        self._streams.end_line(time.monotonic())
        await self.write(line, stream)

    async def finish(self) -> list[LogPart]:
        """The parts that have not left yet; call once, after the last `write`."""
        if self._timer is not None:
            self._timer.cancel()
        async with self._sending:  # what is on its way comes before the rest
            return list(self._parts(self._take(everything=True)))

    async def go_on(self) -> None:
        """Send what the worker before may not have sent."""
        if self._journal is not None:
            await self._send(self._journal.log_parts)

    async def leave(self) -> None:
        """Send the rest: it goes on elsewhere."""
        if self._timer is not None:
            self._timer.cancel()
        async with self._sending:
            await self._send(self._noted(self._take(everything=True)))

    @property
    def part_count(self) -> int:
        return self._number - self._first

    @property
    def last_words(self) -> str:
        """The last lines that the task itself has written, a kilobyte at most."""
        return self._last_words.strip()

    def _flush_later(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._flush_seconds, self._flush_soon)

    def _flush_soon(self) -> None:
        self._timer = None
        self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        async with self._sending:
            await self._send(self._noted(self._take(everything=False)))
        if self._streams.is_waiting:
            self._flush_later()

    def _noted(self, runs: Sequence[Run]) -> list[LogPart]:
        parts = list(self._parts(runs))
        if parts and self._journal is not None:
            self._journal.logged(parts, self._number - self._first)
        return parts

    async def _send(self, parts: Sequence[LogPart]) -> None:
        if parts:
            telemetry = Telemetry(node_id=self._node_id, logs=list(parts))
            await self._publisher.send([Outgoing(TELEMETRY, encode(telemetry), uuid.uuid4().hex)])

    def _take(self, *, everything: bool) -> list[Run]:
        """What may leave. With secrets about, an end that may be half a secret stays."""
        now = time.monotonic()
        runs = self._streams.take_all(now) if everything else self._streams.take(now)
        if self._redactor and runs:
            runs = self._redacted(runs, everything=everything)
        own = _OUR_LINE.sub("", text_of(runs))
        self._last_words = (self._last_words + own)[-_LAST_WORDS_CHARACTERS:]
        return runs

    def _redacted(self, runs: Sequence[Run], *, everything: bool) -> list[Run]:
        *before, last = runs
        shown, rest = (
            (self._redactor.text(last.text), "")
            if everything
            else self._redactor.leading(last.text)
        )
        if rest:
            self._streams.put_back(Run(last.stream, rest))
        texts = [Run(run.stream, self._redactor.text(run.text)) for run in before]
        return [*texts, Run(last.stream, shown)]

    def _parts(self, runs: Sequence[Run]) -> Iterator[LogPart]:
        """Parts end at a line's end where there is one."""
        text = text_of(runs)
        stderr = StderrLines(runs)
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
                stderr=stderr.within(text, start, end),
                continues=self._is_within_line,
            )
            self._is_within_line = text[end - 1] != "\n"
            start = end


def _ends_within_line(parts: Sequence[LogPart]) -> bool:
    return bool(parts) and not parts[-1].contents.endswith("\n")
