"""`conveyor list`: a page of the jobs that match a search."""

from collections.abc import Sequence

import click
from rich.text import Text

from cli.api.client import LARGEST_JOBS_PAGE
from cli.api.session import Json, Server
from cli.api.views import FINAL_JOB_STATES
from cli.api_command import ask, asks_api, json_option, paged
from cli.messages import ago, counted, now, took
from cli.tables import print_json, print_table, state_text

_STATES = ("PENDING", "SCHEDULED", "RUNNING", *sorted(FINAL_JOB_STATES))
_COLUMNS = {
    "ID": "whole",
    "NAME": "text",
    "STATE": "whole",
    "PROGRESS": "right",
    "CREATED": "right",
    "DURATION": "right",
    "TAGS": "text",
}


@click.command(name="list")
@click.argument("words", nargs=-1)
@click.option(
    "--state", type=click.Choice(_STATES, case_sensitive=False), help="Only jobs in this state."
)
@click.option(
    "--tag", "tags", multiple=True, help="Only jobs with this tag. Repeatable: any of the tags."
)
@paged(LARGEST_JOBS_PAGE, default=10)
@json_option
@asks_api
def list_jobs(
    server: Server,
    words: Sequence[str],
    state: str | None,
    tags: Sequence[str],
    *,
    page: int,
    size: int,
    as_json: bool,
) -> None:
    """List jobs, newest first. WORDS are searched in the name and description."""
    q = _search(words, state, tags)
    answer = ask(server, lambda api: api.jobs(q=q, page=page, size=size))
    if as_json:
        print_json(answer)
    elif answer["items"]:
        print_table(_COLUMNS, map(_row, answer["items"]))
        _print_page(answer)
    elif page > 1 and answer["totalItems"]:
        click.echo(f"the last page is {answer['totalPages']}", err=True)
    else:
        click.echo("no jobs" + (" found" if q else " yet: conveyor submit FILE"), err=True)


def _search(words: Sequence[str], state: str | None, tags: Sequence[str]) -> str:
    """In the language of the API's own search."""
    tag_term = [f"tags:{','.join(tags)}"] if tags else []
    return " ".join([*([state] if state else []), *tag_term, *words])


def _row(job: Json) -> tuple[str | Text, ...]:
    ended = job.get("completedAt") or job.get("failedAt")
    is_cancelled = job["state"] == "CANCELLED"  # its end time is unknown
    return (
        job["id"],
        job["name"],
        state_text(job["state"]),
        f"{job.get('progress', 0):.0f} %",
        ago(job["createdAt"], now()),
        "" if is_cancelled else took(job.get("startedAt"), ended, now()),
        ", ".join(job.get("tags") or ()),
    )


def _print_page(answer: Json) -> None:
    if answer["totalPages"] > 1:
        here = f"page {answer['number']} of {answer['totalPages']}"
        click.echo(f"{here}, {counted(answer['totalItems'], 'job')}; --page shows others", err=True)
