"""`conveyor logs`: the output of tasks, or a part of it; once, or followed to the end."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import click

from cli.api_command import ask, asks_api
from cli.follow.log import LogLine, LogReader, LogSource
from cli.follow.patience import Patience
from cli.jobs.selection import moment
from cli.references import job_id, task_id
from cli.views import ENDED_TASK_STATES, FINAL_JOB_STATES
from conveyor import AsyncClient, Server, Unavailable

T = TypeVar("T")

_POLL_SECONDS = 0.5
_TRIES = 100  # the server waits for a part for a minute
_SILENCE_SECONDS = 900.0  # a log holds no signs of life; coming back means reading it anew
_SECONDS_LENGTH = len("2026-01-31T08:00:00")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which lines of a log, and whether to wait for more."""

    follows: bool
    as_json: bool
    tail: int | None
    since: datetime | None
    timestamps: bool
    search: str
    stream: str | None

    @property
    def is_plain(self) -> bool:
        """Whether the text that the server streams is enough."""
        is_whole = self.tail is None and self.since is None and self.stream is None
        return is_whole and not self.timestamps

    def keeps(self, line: LogLine) -> bool:
        is_wanted = self.stream is None or (self.stream == "stderr") == line.is_stderr
        return is_wanted and self.search.lower() in line.text.lower()


@click.command()
@click.argument("job", required=False)
@click.option("--task", metavar="TASK", help="Only of this task of JOB; without JOB by its id.")
@click.option("-f", "--follow", "follows", is_flag=True, help="Stream new lines until the end.")
@click.option("-n", "--tail", type=click.IntRange(0), metavar="LINES", help="Only the last LINES.")
@click.option(
    "--since", type=moment, metavar="TIME", help="Only what was written since then: 10m, 2h."
)
@click.option("-t", "--timestamps", is_flag=True, help="Begin each line with its time (UTC).")
@click.option("--search", metavar="TEXT", default="", help="Only lines that contain TEXT.")
@click.option(
    "--stream", type=click.Choice(["stdout", "stderr"]), help="Only what was written there."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the log parts of the API as JSON, one per line."
)
@asks_api
def logs(
    server: Server,
    job: str | None,
    task: str | None,
    tail: int | None,
    since: datetime | None,
    search: str,
    stream: str | None,
    **flags: bool,
) -> None:
    """Print the log of JOB or of one task, from the beginning.

    JOB and TASK are ids, beginnings of ids, or names. On a terminal, lines from stderr are red
    (without --follow).
    """
    if job is None and task is None:
        raise click.UsageError("give a job, or --task with the id of a task")
    wanted = _Wanted(tail=tail, since=since, search=search, stream=stream, **flags)
    if wanted.as_json and (wanted.follows or not wanted.is_plain or search):
        raise click.UsageError("--json cannot be combined with options that choose or show lines")
    ask(server, lambda api: _print_log(api, job, task, wanted))


async def _print_log(api: AsyncClient, job: str | None, task: str | None, wanted: _Wanted) -> None:
    source = await _source(api, job, task)
    if wanted.as_json:
        for part in await _whole(api, source, LogReader.new_parts, wanted):
            click.echo(json.dumps(part, ensure_ascii=False))
    elif wanted.follows and wanted.is_plain:
        await _follow(api, source, wanted)
    else:
        await _read(api, source, wanted)


async def _source(api: AsyncClient, job: str | None, task: str | None) -> LogSource:
    if job is None:
        return LogSource("task", task or "")
    id_ = await job_id(api, job)
    if task is None:
        return LogSource("job", id_)
    return LogSource("task", task_id(await api.request("GET", "/jobs/{id}", id=id_), task))


async def _follow(api: AsyncClient, source: LogSource, wanted: _Wanted) -> None:
    patience = Patience()
    printed = 0
    was_reached = False
    while True:
        try:
            async with api.stream(
                source.path,
                query={"follow": True},
                silence_seconds=_SILENCE_SECONDS,
                id=source.id,
            ) as stream:
                was_reached = True
                if stream.content_type != "text/plain":
                    break
                number = 0
                async for line in stream.lines():
                    number += 1
                    patience.renew()
                    # A new connection begins at the beginning.
                    if number > printed:
                        _print([LogLine("", line)], wanted)
                        printed = number
                return
        except Unavailable as error:  # it may be restarting, if it was ever there
            if error.is_away and not was_reached:
                raise
            await patience.bear(error)
    await _read(api, source, wanted)


async def _read(api: AsyncClient, source: LogSource, wanted: _Wanted) -> None:
    """Page by page; then, if wanted, what is new, again and again."""
    if not wanted.follows:
        _print(_last(await _whole(api, source, LogReader.all_lines, wanted), wanted), wanted)
        return
    reader = _reader(api, source, wanted)
    lines: Iterable[LogLine] = _last(await reader.new_lines(), wanted)
    has_ended = False
    while True:
        _print(lines, wanted)
        if has_ended:
            break
        has_ended = await _has_ended(api, source)
        await asyncio.sleep(_POLL_SECONDS)
        lines = await reader.new_lines()
    _print(reader.unfinished(), wanted)


def _reader(api: AsyncClient, source: LogSource, wanted: _Wanted) -> LogReader:
    is_filtered = wanted.search or wanted.stream
    tail = None if is_filtered else wanted.tail  # how far back they are, only reading tells
    return LogReader(api, source, since=wanted.since, tail=tail)


async def _whole(
    api: AsyncClient,
    source: LogSource,
    read: Callable[[LogReader], Awaitable[Sequence[T]]],
    wanted: _Wanted,
) -> Sequence[T]:
    """Read anew while parts of what has just ended are on their way."""
    for _ in range(_TRIES):
        reader = _reader(api, source, wanted)
        found = await read(reader)
        if reader.is_complete or not await _has_ended(api, source):
            break
        await asyncio.sleep(_POLL_SECONDS)
    return found


def _last(lines: Iterable[LogLine], wanted: _Wanted) -> Iterable[LogLine]:
    return deque(filter(wanted.keeps, lines), maxlen=wanted.tail)


async def _has_ended(api: AsyncClient, source: LogSource) -> bool:
    if source.kind == "task":
        task = await api.request("GET", "/tasks/{id}", id=source.id)
        return task["state"] in ENDED_TASK_STATES
    job = await api.request("GET", "/jobs/{id}", id=source.id)
    return job["state"] in FINAL_JOB_STATES


def _print(lines: Iterable[LogLine], wanted: _Wanted) -> None:
    for line in filter(wanted.keeps, lines):
        at = f"{line.at[:_SECONDS_LENGTH]:<{_SECONDS_LENGTH}}Z " if wanted.timestamps else ""
        # Where nobody would see colours, click takes them out.
        click.echo(at + (click.style(line.text, fg="red") if line.is_stderr else line.text))
