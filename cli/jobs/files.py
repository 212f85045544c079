"""`conveyor files`: what the tasks of a job have kept, and what is in a directory of it."""

from collections.abc import Sequence

import click

from cli.api_command import ask, asks_api, json_option, page_of, paged
from cli.messages import ago, counted, exact_bytes, now
from cli.references import job_id
from cli.tables import Cell, print_json, print_table
from cli.views import Json, items_of
from conveyor import AsyncClient, Server

_ARTIFACTS = {
    "PATH": "text",
    "SIZE": "right",
    "FILES": "right",
    "ATTEMPT": "right",
    "KEPT": "right",
}
_ENTRIES = {"PATH": "text", "SIZE": "right", "FILES": "right", "SHA256": "whole"}
_DIGEST_SHOWN = 12


@click.command()
@click.argument("job")
@click.argument("path", required=False)
@click.option(
    "--task",
    metavar="TASK",
    help="Only those of this task, or of its sub-job: its var, name or id.",
)
@paged(default=20)
@json_option
@asks_api
def files(
    server: Server,
    job: str,
    path: str | None,
    task: str | None,
    page: int,
    size: int,
    *,
    as_json: bool,
) -> None:
    """List the files and directories that the tasks of JOB and of its sub-jobs have kept.

    With PATH, as it is listed: what is in that directory. JOB is an id, the beginning of an id, or
    a name. `conveyor download` saves them.
    """
    if path and task:
        raise click.UsageError("give either PATH or --task")
    query = {"path": path or "", "task": task or ""}

    async def found(api: AsyncClient) -> Json:
        id_ = await job_id(api, job)
        return dict(await page_of(api, "/jobs/{id}/files", page, size, query, id=id_))

    answer = ask(server, found)
    if as_json:
        print_json(answer)
    elif items := items_of(answer):
        columns, row = (_ENTRIES, _entry_row) if path else (_ARTIFACTS, _artifact_row)
        print_table(columns, map(row, items))
        _print_page(answer)
    else:
        click.echo("no files", err=True)


def _print_page(answer: Json) -> None:
    if answer["totalPages"] > 1:
        here = f"page {answer['number']} of {answer['totalPages']}"
        click.echo(f"{here}, {counted(answer['totalItems'], 'file')}", err=True)


def _artifact_row(kept: Json) -> Sequence[Cell]:
    return (
        kept["path"],
        exact_bytes(kept["size"]),
        _files(kept),
        str(kept["attempt"] + 1),
        ago(kept["createdAt"], now()),
    )


def _entry_row(entry: Json) -> Sequence[Cell]:
    leads = f" -> {entry['target']}" if entry.get("target") else ""
    slash = "/" if entry["kind"] == "directory" else ""
    size = "" if entry.get("size") is None else exact_bytes(entry["size"])
    digest = (entry.get("sha256") or "")[:_DIGEST_SHOWN]
    return f"{entry['path']}{slash}{leads}", size, _files(entry), digest


def _files(found: Json) -> str:
    return "" if found.get("files") is None else f"{found['files']:,}"
