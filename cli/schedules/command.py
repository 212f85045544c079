"""`conveyor schedules`: list, show, create, pause, resume and delete scheduled jobs."""

import sys
from collections.abc import Mapping, Sequence
from typing import IO

import click
from rich.text import Text

from cli.api_command import act_on_each, action, ask, asks_api, call, json_option, page_of, paged
from cli.exit_codes import EXIT_API
from cli.follow.patience import submit_with_retry
from cli.jobs.job_file import JobFile, explain_refusal
from cli.messages import ago, now
from cli.references import schedule_id
from cli.schedules.editing import edit
from cli.schedules.runs import backfill, runs, trigger
from cli.schedules.times import preview
from cli.schedules.views import print_schedule, when
from cli.tables import print_answer, print_json, print_list, shown_ids, state_text
from cli.views import Json, items_of
from conveyor import AsyncClient, Rejected, Server

_COLUMNS = {
    "NAME": "text",
    "ID": "whole",
    "STATE": "whole",
    "WHEN": "text",
    "NEXT RUN": "right",
    "LAST RUN": "right",
    "NOTE": "text",
}
_RUNS_SHOWN = 5


@click.group()
def schedules() -> None:
    """Manage scheduled jobs. ID is an id, the beginning of an id, or a name."""


@schedules.command(name="list")
@paged(default=10)
@json_option
@asks_api
def list_schedules(server: Server, page: int, size: int, as_json: bool) -> None:
    """List scheduled jobs, newest first."""
    answer = ask(server, lambda api: page_of(api, "/scheduled-jobs", page, size))
    shown = shown_ids([schedule["id"] for schedule in items_of(answer)])
    print_list(
        answer, _COLUMNS, lambda found: _row(found, shown), "no scheduled jobs", as_json=as_json
    )


@schedules.command()
@click.argument("id", metavar="ID")
@json_option
@asks_api
def show(server: Server, id: str, as_json: bool) -> None:
    """Show the rules, next times and last runs of a scheduled job."""

    async def found(api: AsyncClient) -> tuple[Json, Json]:
        id_ = await schedule_id(api, id)
        found = await api.request("GET", "/scheduled-jobs/{id}", id=id_)
        if as_json:
            return found, {}
        query = {"page": 1, "size": _RUNS_SHOWN}
        return found, await api.request("GET", "/scheduled-jobs/{id}/runs", query=query, id=id_)

    schedule, last = ask(server, found)
    if as_json:
        print_json(schedule)
    else:
        print_schedule(schedule, items_of(last))


@schedules.command()
@click.argument("file", type=click.File("rb"))
@json_option
@asks_api
def create(server: Server, file: IO[bytes], as_json: bool) -> None:
    """Create the scheduled job in FILE.

    FILE is a job with `schedule: {cron: ...}`. Prints the id of the scheduled job.
    """
    job_file = JobFile.read(file)
    answer = ask(server, lambda api: _create(api, job_file))
    if answer is None:
        sys.exit(EXIT_API)
    print_answer(answer, answer["id"], as_json=as_json)


async def _create(api: AsyncClient, file: JobFile) -> Json | None:
    try:
        return dict(
            await submit_with_retry(
                lambda key: api.request(
                    "POST", "/scheduled-jobs", body=file.body(), idempotency_key=key
                )
            )
        )
    except Rejected as error:
        if not error.errors:
            raise
        explain_refusal(file, error, is_edited=False)
        return None


@schedules.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--note", help="Why; shown until the scheduled job is resumed.")
@json_option
@asks_api
def pause(server: Server, ids: Sequence[str], note: str | None, as_json: bool) -> None:
    """Pause scheduled jobs.

    They create no jobs until they are resumed.
    """
    act = call("PUT", "/scheduled-jobs/{id}/pause", {"note": note} if note else {})
    sys.exit(
        ask(server, lambda api: act_on_each(api, ids, act, "paused", schedule_id, as_json=as_json))
    )


for _command in (edit, trigger, backfill, runs, preview):
    schedules.add_command(_command)
schedules.add_command(
    action(
        "resume",
        "resumed",
        "Resume paused scheduled jobs. Times that passed meanwhile are not made up for.",
        call("PUT", "/scheduled-jobs/{id}/resume"),
        schedule_id,
    )
)
schedules.add_command(
    action(
        "delete",
        "deleted",
        "Delete scheduled jobs. The jobs they created are kept.",
        call("DELETE", "/scheduled-jobs/{id}"),
        schedule_id,
    )
)


def _row(schedule: Json, shown_ids: Mapping[str, str]) -> tuple[str | Text, ...]:
    return (
        schedule.get("name", ""),
        shown_ids[schedule["id"]],
        state_text(schedule["state"]),
        _when_and_where(schedule),
        ago(schedule.get("nextAt"), now()),
        ago(schedule.get("lastAt"), now()),
        schedule.get("error") or schedule.get("note", ""),
    )


def _when_and_where(schedule: Json) -> str:
    """With the time zone, unless it is UTC or the expression names it."""
    text, zone = when(schedule), schedule.get("timezone", "")
    return text if zone in ("", "UTC") or zone in text else f"{text} {zone}"
