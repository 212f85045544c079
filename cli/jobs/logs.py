"""`conveyor logs`: the output of tasks, from the beginning, so far or to the end."""

import asyncio
import json
from collections.abc import Sequence

import click

from cli.api.client import ApiClient, LogSource
from cli.api.session import ApiUnavailable, Server
from cli.api.views import ENDED_TASK_STATES, FINAL_JOB_STATES, log_part_view
from cli.api_command import ask, asks_api
from cli.follow.log import LogLines, LogReader, whole_log
from cli.follow.patience import Patience

_POLL_SECONDS = 0.5
_SILENCE_SECONDS = 900.0  # a log holds no signs of life; coming back means reading it anew


@click.command()
@click.argument("job", required=False)
@click.option("--task", metavar="TASK", help="Print the log of one task attempt, by its id.")
@click.option("-f", "--follow", "follows", is_flag=True, help="Stream new lines until the end.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the log parts of the API as JSON, one per line."
)
@asks_api
def logs(
    server: Server, job: str | None, task: str | None, *, follows: bool, as_json: bool
) -> None:
    """Print the log of JOB or of one task, from the beginning."""
    if (job is None) == (task is None):
        raise click.UsageError("give either the id of a job, or --task with the id of a task")
    if follows and as_json:
        raise click.UsageError("--json and --follow cannot be combined")
    source = LogSource("task", task) if task else LogSource("job", job or "")
    work = _print_parts if as_json else _follow if follows else _print_lines
    ask(server, lambda api: work(api, source))


async def _print_parts(api: ApiClient, source: LogSource) -> None:
    for part in await whole_log(api, source):
        click.echo(json.dumps(part, ensure_ascii=False))


async def _print_lines(api: ApiClient, source: LogSource) -> None:
    lines = LogLines()
    parts = [log_part_view(part) for part in await whole_log(api, source)]
    last = {part.task_id: part for part in parts}
    for part in parts:
        _print([line.text for line in lines.add(part)])
        if part is last[part.task_id]:
            _print([line.text for line in lines.end(part.task_id)])
    _print([line.text for line in lines.unfinished()])


async def _follow(api: ApiClient, source: LogSource) -> None:
    patience = Patience()
    printed = 0
    was_reached = False
    while True:
        try:
            async with api.stream(
                source.path, silence_seconds=_SILENCE_SECONDS, follow="true"
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
                        _print([line])
                        printed = number
                return
        except ApiUnavailable as error:  # it may be restarting, if it was ever there
            if error.is_away and not was_reached:
                raise
            await patience.bear(error)
    await _poll(api, source)


async def _poll(api: ApiClient, source: LogSource) -> None:
    """For Tork, which can't stream the log."""
    reader = LogReader(api, source)
    has_ended = False
    while True:
        _print([line.text for line in await reader.new_lines()])
        if has_ended:
            break
        has_ended = await _has_ended(api, source)
        await asyncio.sleep(_POLL_SECONDS)
    _print([line.text for line in reader.unfinished()])


async def _has_ended(api: ApiClient, source: LogSource) -> bool:
    if source.is_task:
        return (await api.task(source.id))["state"] in ENDED_TASK_STATES
    return (await api.job(source.id))["state"] in FINAL_JOB_STATES


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(line)
