"""`conveyor list`: the jobs that match a search, a page of them or all, once or again and again."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import click
from rich.live import Live
from rich.text import Text

from cli.api_command import ask, asks_api, json_option
from cli.follow.patience import Patience
from cli.jobs.selection import JobFilter, chosen_jobs, filter_options
from cli.messages import ago, counted, now, seconds_between, took
from cli.references import LARGEST_PAGE
from cli.tables import print_json, print_table, screen, shown_ids, state_text, table_of
from cli.views import Json
from conveyor import AsyncClient, Server, Unavailable

_COLUMNS = {
    "NAME": "text",
    "ID": "whole",
    "STATE": "whole",
    "PROGRESS": "right",
    "CREATED": "right",
    "DURATION": "right",
    "TAGS": "text",
}
_WATCH_SECONDS = 2.0

_SORTS: dict[str, tuple[Callable[[Json], Any], bool]] = {
    "created": (lambda job: job["createdAt"], True),
    "name": (lambda job: job["name"].lower(), False),
    "state": (lambda job: job["state"], False),
    "progress": (lambda job: job.get("progress", 0), True),
    "duration": (lambda job: _seconds(job), True),
}
"""By what, and whether the largest come first."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which part of the jobs, in which order; `size` None: all of them."""

    chosen: JobFilter
    page: int
    size: int | None
    sort: str

    @property
    def is_one_page(self) -> bool:
        is_small = self.size is not None and self.size <= LARGEST_PAGE
        return is_small and self.chosen.is_for_the_api and self.sort == "created"

    async def jobs(self, api: AsyncClient) -> Json:
        """As a page of the API."""
        if self.is_one_page and self.size:
            query = {**self.chosen.query(), "page": self.page, "size": self.size}
            return dict(await api.request("GET", "/jobs", query=query))
        found = await self._all_up_to_the_end(api)
        key, is_reverse = _SORTS[self.sort]
        found.sort(key=key, reverse=is_reverse)
        begin, end = (
            ((self.page - 1) * self.size, self.page * self.size) if self.size else (0, None)
        )
        items = found[begin:end]
        return {"number": self.page, "size": len(items), "items": items}

    async def _all_up_to_the_end(self, api: AsyncClient) -> list[Json]:
        """Of the page; all, where another order is wanted than that of the API."""
        most = self.page * self.size if self.size and self.sort == "created" else None
        found: list[Json] = []
        async with aclosing(chosen_jobs(api, self.chosen)) as jobs:
            async for job in jobs:
                found.append(job)
                if len(found) == most:
                    break
        return found


@click.command(name="list")
@click.argument("words", nargs=-1)
@filter_options
@click.option("--sort", type=click.Choice(list(_SORTS)), default="created", show_default=True)
@click.option(
    "--size", type=click.IntRange(1), default=10, show_default=True, help="Jobs per page."
)
@click.option(
    "--page", type=click.IntRange(min=1), default=1, show_default=True, help="Page number."
)
@click.option("--all", "of_all", is_flag=True, help="List all jobs, not a page.")
@click.option("--watch", "watches", is_flag=True, help="Show the list anew every two seconds.")
@click.option("-q", "--quiet", is_flag=True, help="Print ids only.")
@json_option
@asks_api
def list_jobs(
    server: Server,
    chosen: JobFilter,
    sort: str,
    size: int,
    page: int,
    **flags: bool,
) -> None:
    """List jobs, newest first. WORDS are searched in the name and description.

    On a terminal ids are cut; every command takes the beginning of an id, or a name.
    """
    wanted = _Wanted(chosen, page, None if flags["of_all"] else size, sort)
    if flags["watches"]:
        if flags["as_json"] or flags["quiet"] or not screen().is_terminal:
            raise click.UsageError("--watch needs a terminal, and no --json or --quiet")
        ask(server, lambda api: _watch(api, wanted))
    answer = ask(server, wanted.jobs)
    if flags["as_json"]:
        print_json(answer)
    elif flags["quiet"]:
        for job in answer["items"]:
            click.echo(job["id"])
    else:
        _print(answer, wanted)


async def _watch(api: AsyncClient, wanted: _Wanted) -> None:
    patience = Patience()
    console = screen()
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            try:
                jobs = (await wanted.jobs(api))["items"]
                live.update(table_of(_COLUMNS, _rows(jobs), console.width), refresh=True)
                patience.renew()
            except Unavailable as error:  # it may be restarting
                await patience.bear(error)
            await asyncio.sleep(_WATCH_SECONDS)


def _print(answer: Json, wanted: _Wanted) -> None:
    if answer["items"]:
        print_table(_COLUMNS, _rows(answer["items"]))
        if answer.get("totalPages", 1) > 1:
            here = f"page {answer['number']} of {answer['totalPages']}"
            total = counted(answer["totalItems"], "job")
            click.echo(f"{here}, {total}; --page and --size show others, --all all", err=True)
    elif wanted.page > 1 and answer.get("totalItems"):
        click.echo(f"the last page is {answer['totalPages']}", err=True)
    else:
        found = " found" if wanted.chosen or wanted.page > 1 else " yet: conveyor submit FILE"
        click.echo(f"no jobs{found}", err=True)


def _rows(jobs: Sequence[Json]) -> list[tuple[str | Text, ...]]:
    shown = shown_ids([job["id"] for job in jobs])
    return [_row(job, shown[job["id"]]) for job in jobs]


def _row(job: Json, id_: str) -> tuple[str | Text, ...]:
    ended = job.get("completedAt") or job.get("failedAt")
    started = job.get("runStartedAt") or job.get("startedAt")
    is_cancelled = job["state"] == "CANCELLED"  # its end time is unknown
    return (
        job["name"],
        id_,
        state_text(job["state"]),
        f"{job.get('progress', 0):.0f} %",
        ago(job["createdAt"], now()),
        "" if is_cancelled else took(started, ended, now()),
        ", ".join(job.get("tags") or ()),
    )


def _seconds(job: Json) -> float:
    started = job.get("startedAt")
    ended = job.get("completedAt") or job.get("failedAt")
    return seconds_between(started, ended, now()) if started else -1.0
