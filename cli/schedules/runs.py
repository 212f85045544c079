"""`conveyor schedules trigger`, `backfill` and `runs`: jobs by request, and what came of times."""

import click

from cli.api_command import ask, asks_api, json_option, page_of, paged
from cli.follow.patience import submit_with_retry
from cli.jobs.job_file import parse_inputs
from cli.messages import counted
from cli.references import schedule_id
from cli.schedules.views import print_runs
from cli.tables import print_answer, print_json, print_table, state_text
from cli.views import Json, items_of
from conveyor import AsyncClient, Server
from shared.jobspec.overlap import Overlap

_STATES = ("fired", "skipped", "held")
_BACKFILLED = {"TIME": "whole", "STATE": "whole", "JOB": "whole"}
_HELD = "held: the job is created when the one before it is final"


@click.command()
@click.argument("schedule", metavar="ID")
@click.option(
    "--overlap",
    type=click.Choice([policy.value for policy in Overlap]),
    help="What happens while a job of it is not final. Default: its own policy.",
)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set an input of this job alone. The value is a text, or a JSON list or mapping. "
    "Repeatable.",
)
@json_option
@asks_api
def trigger(
    server: Server, schedule: str, overlap: str | None, inputs: tuple[str, ...], as_json: bool
) -> None:
    """Create a job of a scheduled job now. Prints the id of the job.

    When it fires next does not change. One that is paused can be triggered, too.
    """
    given = {"overlap": overlap, "inputs": parse_inputs(inputs)}
    body = {name: value for name, value in given.items() if value}

    async def triggered(api: AsyncClient) -> Json:
        id_, path = await schedule_id(api, schedule), "/scheduled-jobs/{id}/trigger"
        return dict(
            await submit_with_retry(
                lambda key: api.request("POST", path, body=body, idempotency_key=key, id=id_)
            )
        )

    run = ask(server, triggered)
    print_answer(run, run.get("jobId", _HELD), as_json=as_json)


@click.command()
@click.argument("schedule", metavar="ID")
@click.option("--from", "first", metavar="TIME", required=True, help="The first moment.")
@click.option("--to", "last", metavar="TIME", help="The last moment. Default: now.")
@click.option(
    "--overlap",
    type=click.Choice(("allow", "bufferAll")),
    help="All jobs at once, or one after the other. Default: as its own policy allows.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be created.")
@json_option
@asks_api
def backfill(
    server: Server,
    schedule: str,
    first: str,
    last: str | None,
    overlap: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Create the jobs of times that have passed, at most 500. A time that has its job gets no
    second one. Times are such as 2026-06-01T00:00:00Z."""
    asked = {"from": first, "to": last, "overlap": overlap, "dryRun": dry_run or None}
    body = {name: value for name, value in asked.items() if value is not None}

    async def backfilled(api: AsyncClient) -> Json:
        id_, path = await schedule_id(api, schedule), "/scheduled-jobs/{id}/backfill"
        return dict(await api.request("POST", path, body=body, may_wait=True, id=id_))

    answer = ask(server, backfilled)
    if as_json:
        print_json(answer)
        return
    rows = [
        (each["scheduledAt"], state_text(each["state"]), each["jobId"])
        for each in answer["firings"]
    ]
    if rows:
        print_table(_BACKFILLED, rows)
    created = f"{counted(answer['created'], 'job')} {'would be ' if dry_run else ''}created"
    click.echo(f"{created}, {answer['held']} held, {answer['existing']} existed", err=True)


@click.command()
@click.argument("schedule", metavar="ID")
@click.option("--state", type=click.Choice(_STATES), help="Only runs in this state.")
@paged(default=20)
@json_option
@asks_api
def runs(
    server: Server, schedule: str, state: str | None, page: int, size: int, as_json: bool
) -> None:
    """List what became of the times of a scheduled job, newest first."""
    chosen = {"state": state.upper()} if state else {}

    async def found(api: AsyncClient) -> Json:
        id_, path = await schedule_id(api, schedule), "/scheduled-jobs/{id}/runs"
        return dict(await page_of(api, path, page, size, chosen, id=id_))

    answer = ask(server, found)
    if as_json:
        print_json(answer)
    elif items := items_of(answer):
        print_runs(items)
    else:
        click.echo("no runs", err=True)
