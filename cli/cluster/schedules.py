"""`conveyor schedules`: scheduled jobs."""

import sys
from collections.abc import Mapping
from typing import IO

import click
from rich.text import Text

from cli.api.client import ApiClient
from cli.api.references import schedule_id
from cli.api.session import ApiRejected, Json, Server
from cli.api.views import items_of
from cli.api_command import action, ask, asks_api, json_option, page_of, paged
from cli.exit_codes import EXIT_API
from cli.follow.patience import submit_with_retry
from cli.jobs.job_file import JobFile, explain_refusal
from cli.messages import ago, now
from cli.tables import print_answer, print_list, shown_ids, state_text

_COLUMNS = {
    "NAME": "text",
    "ID": "whole",
    "STATE": "whole",
    "CRON": "whole",
    "TIME ZONE": "whole",
    "LAST RUN": "right",
    "NEXT RUN": "right",
    "ERROR": "text",
}


@click.group()
def schedules() -> None:
    """Manage scheduled jobs. ID is an id, the beginning of an id, or a name."""


@schedules.command(name="list")
@paged(default=10)
@json_option
@asks_api
def list_schedules(server: Server, page: int, size: int, as_json: bool) -> None:
    """List scheduled jobs."""
    answer = ask(
        server, lambda api: page_of(lambda n, m: api.schedules(page=n, size=m), page, size)
    )
    shown = shown_ids([schedule["id"] for schedule in items_of(answer)])
    print_list(
        answer, _COLUMNS, lambda found: _row(found, shown), "no scheduled jobs", as_json=as_json
    )


@schedules.command()
@click.argument("file", type=click.File("rb"))
@json_option
@asks_api
def create(server: Server, file: IO[bytes], as_json: bool) -> None:
    """Create the scheduled job in FILE: a job with `schedule: {cron: ...}`. Prints its id."""
    job_file = JobFile.read(file)
    answer = ask(server, lambda api: _create(api, job_file))
    if answer is None:
        sys.exit(EXIT_API)
    print_answer(answer, answer["id"], as_json=as_json)


async def _create(api: ApiClient, file: JobFile) -> Json | None:
    try:
        return await submit_with_retry(api.create_schedule, file.body())
    except ApiRejected as error:
        if not error.errors:
            raise
        explain_refusal(file, error, is_edited=False)
        return None


schedules.add_command(
    action(
        "pause",
        "paused",
        "Pause scheduled jobs: they create no jobs until they are resumed.",
        lambda api, id_: api.act_on_schedule(id_, "pause"),
        schedule_id,
    )
)
schedules.add_command(
    action(
        "resume",
        "resumed",
        "Resume paused scheduled jobs.",
        lambda api, id_: api.act_on_schedule(id_, "resume"),
        schedule_id,
    )
)
schedules.add_command(
    action(
        "delete",
        "deleted",
        "Delete scheduled jobs. The jobs they created are kept.",
        ApiClient.delete_schedule,
        schedule_id,
    )
)


def _row(schedule: Json, shown_ids: Mapping[str, str]) -> tuple[str | Text, ...]:
    return (
        schedule.get("name", ""),
        shown_ids[schedule["id"]],
        state_text(schedule["state"]),
        schedule.get("cron", ""),
        schedule.get("timezone", ""),
        ago(schedule.get("lastAt"), now()),
        ago(schedule.get("nextAt"), now()),
        schedule.get("error", ""),
    )
