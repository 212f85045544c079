"""Both streams of a task as one text: whole lines, and which of them are stderr's."""

import codecs
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from conveyor.extensions.runtimes import STDERR, STDOUT

_MOST_WAITING_CHARACTERS = 64 * 1024

LineRange = tuple[int, int]
"""The first and the last line, from 1, both included."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one stream has written without the other between."""

    stream: int
    text: str


class LogStreams:
    """A line that one stream has begun and not ended is not torn by the other, which waits; unless
    it takes longer than `patience_seconds`: then a newline is put behind it. `now` are seconds of a
    clock that never goes back."""

    def __init__(self, patience_seconds: float, *, is_within_line: bool = False) -> None:
        make = codecs.getincrementaldecoder("utf-8")
        self._decoders = {stream: make(errors="replace") for stream in (STDOUT, STDERR)}
        self._patience_seconds = patience_seconds
        self._runs: list[Run] = []
        self._open = STDOUT if is_within_line else 0
        self._waiting = ""  # of the stream that is not open
        self._waiting_since = 0.0
        self.size = 0

    def write(self, data: bytes, stream: int, now: float) -> bool:
        """Whether it comes to any text yet."""
        text = self._decoders[stream].decode(data)
        if text:
            self.size += len(text)
            self._put(text, stream, now)
        return bool(text)

    def end_line(self, now: float) -> None:
        """What comes next begins a line."""
        self._settle(now)
        if self._open:
            self.size += 1
            self._add("\n", self._open)

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def take(self, now: float) -> list[Run]:
        """All that was written and needs not wait."""
        is_long = len(self._waiting) >= _MOST_WAITING_CHARACTERS
        if is_long or now - self._waiting_since >= self._patience_seconds:
            self._settle(now)
        runs, self._runs, self.size = self._runs, [], len(self._waiting)
        together = groupby(runs, attrgetter("stream"))
        return [Run(stream, text_of(list(pieces))) for stream, pieces in together]

    def take_all(self, now: float) -> list[Run]:
        for stream, decoder in self._decoders.items():
            if text := decoder.decode(b"", final=True):
                self._put(text, stream, now)
        self._settle(now)
        return self.take(now)

    def put_back(self, run: Run) -> None:
        """Before all that comes next."""
        self._runs.insert(0, run)
        self.size += len(run.text)

    def _put(self, text: str, stream: int, now: float) -> None:
        while text and self._open in (0, stream):
            end = text.find("\n") + 1 if self._waiting else 0
            self._add(text[: end or len(text)], stream)
            text = text[end:] if end else ""
            if self._waiting and not self._open:
                waiting, self._waiting = self._waiting, ""
                self._add(waiting, _other(stream))
        if text:
            self._waiting_since = self._waiting_since if self._waiting else now
            self._waiting += text

    def _settle(self, now: float) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, ""
            stream = _other(self._open)
            self._add("\n", self._open)
            self._put(waiting, stream, now)

    def _add(self, text: str, stream: int) -> None:
        self._open = 0 if text.endswith("\n") else stream
        self._runs.append(Run(stream, text))


def _other(stream: int) -> int:
    return STDERR if stream == STDOUT else STDOUT


def text_of(runs: Sequence[Run]) -> str:
    return "".join(run.text for run in runs)


class StderrLines:
    """Asked for spans of the text of `runs`, from its beginning to its end."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._spans = deque(_stderr_spans(runs))

    def within(self, text: str, start: int, end: int) -> list[LineRange]:
        """The lines of `text[start:end]`."""
        found: list[LineRange] = []
        line, counted = 1, start
        while self._spans and self._spans[0][0] < end:
            first, last = self._spans.popleft()
            line += text.count("\n", counted, max(first, start))
            counted = max(first, start)
            until = min(last, end)
            found.append((line, line + text.count("\n", counted, until - 1)))
            if last > end:
                self._spans.appendleft((end, last))
                break
        return found


def _stderr_spans(runs: Sequence[Run]) -> Iterator[tuple[int, int]]:
    at = 0
    for run in runs:
        if run.stream == STDERR and run.text:
            yield at, at + len(run.text)
        at += len(run.text)
