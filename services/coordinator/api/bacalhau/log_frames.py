"""Lines of logs as Bacalhau's frames, with the last of them first if that is what is wanted."""

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace

import orjson

from services.coordinator.live.follower import OrderedFeed, Ready
from services.coordinator.live.renderings import JobLogText
from services.coordinator.live.stream import HEARTBEAT_SECONDS, Ending
from shared.messages import OWN_LINE
from shared.planning.disclosure import Redacting

_STDOUT, _STDERR = 1, 2
_ON_STDERR = "\0"
"""Before lines from there, on their way through what makes whole lines: no log has it."""
_SOON_SECONDS = 0.2

Write = Callable[[Sequence[bytes]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """`tail`: only so many of the lines that there are; `follow`: those that come, too."""

    tail: int | None
    follow: bool


class LogFrames:
    """Whole lines; none of the tasks `others`."""

    def __init__(
        self, redactor_of: Callable[[str | None], Redacting], others: Collection[str]
    ) -> None:
        self._text = JobLogText(redactor_of)
        self._others = others

    def of(self, ready: Ready) -> list[bytes]:
        part = ready.row.part
        if part is not None and part.row.task_id in self._others:
            return []
        return _frames(self._text.text_of(_marked(ready)).encode())

    def end(self) -> list[bytes]:
        return _frames(self._text.end())


def _marked(ready: Ready) -> Ready:
    part = ready.row.part
    if part is None or not part.row.stderr:
        return ready
    row, ends = part.row, part.row.stderr
    on_stderr = {n for at in range(0, len(ends), 2) for n in range(ends[at], ends[at + 1] + 1)}
    if row.continues:
        on_stderr.discard(1)
    lines = enumerate(row.contents.split("\n"), 1)
    contents = "\n".join(f"{_ON_STDERR}{line}" if n in on_stderr else line for n, line in lines)
    new = replace(part, row=replace(row, contents=contents))
    return replace(ready, row=replace(ready.row, part=new))


def _frames(text: bytes) -> list[bytes]:
    """Without what the worker says: scripts take a log for what the program has written."""
    lines = map(bytes.decode, text.splitlines(keepends=True))
    return [_frame(line) for line in lines if not line.startswith(OWN_LINE)]


def _frame(line: str) -> bytes:
    kind = _STDERR if line.startswith(_ON_STDERR) else _STDOUT
    return orjson.dumps({"Value": {"Type": kind, "Line": line.lstrip(_ON_STDERR)}, "Err": None})


def error_frame(message: str) -> bytes:
    """As Bacalhau's command reads it, which sees no answer but a WebSocket."""
    return orjson.dumps({"Value": {"Type": 0, "Line": ""}, "error": message})


async def send_frames(
    write: Write, feed: OrderedFeed, frames: LogFrames, ending: Ending, wanted: Wanted
) -> None:
    """Raises ClientGone, HubClosed."""
    await write([])
    held: deque[bytes] | None = None if wanted.tail is None else deque(maxlen=wanted.tail)
    longest = HEARTBEAT_SECONDS if wanted.follow else _SOON_SECONDS
    while True:
        for ready in await feed.ready(ending.patience_seconds(longest)):
            ending.note(ready.row)
            if held is None:
                await write(frames.of(ready))
            else:
                held.extend(frames.of(ready))
        if not feed.is_caught_up:
            continue
        is_over = not wanted.follow or await ending.is_reached(feed)
        last = frames.end() if is_over else []
        if held is not None:
            held.extend(last)
            last, held = list(held), None
        await write(last)
        if is_over:
            return
