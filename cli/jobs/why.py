"""`conveyor why`: why executions of a job have no node yet, for each worker."""

from collections.abc import Iterator

import click
from rich.text import Text

from cli.api_command import ask, asks_api, json_option
from cli.messages import counted, one_line
from cli.references import job_id
from cli.tables import print_json, print_table, screen
from cli.views import Json
from conveyor import AsyncClient, Server

_COLUMNS = {"NODE": "text", "WHY NOT": "text"}


@click.command()
@click.argument("job")
@json_option
@asks_api
def why(server: Server, job: str, *, as_json: bool) -> None:
    """Explain why what waits of JOB has no node yet.

    For each worker that is up, all that is in the way. JOB is an id, the beginning of an id, or a
    name.
    """

    async def found(api: AsyncClient) -> tuple[Json, Json]:
        id_ = await job_id(api, job)
        summary = await api.request("GET", "/jobs/{id}", id=id_)
        return dict(summary), dict(await api.request("GET", "/jobs/{id}/placement", id=id_))

    shown, placement = ask(server, found)
    if as_json:
        print_json(placement)
        return
    console = screen()
    for group in placement["waiting"]:
        executions = counted(len(group["taskIds"]), "execution")
        head = Text.assemble((one_line(group["name"]), "bold"), f"  {executions}  ")
        console.print(head.append(one_line(group["message"])), soft_wrap=True)
        print_table(_COLUMNS, _rows(group))
    if not placement["waiting"]:
        waiting = (shown.get("waiting") or {}).get("message")
        click.echo(f"waiting: {waiting}" if waiting else "nothing of it waits for a node")


def _rows(group: Json) -> Iterator[tuple[str, str]]:
    for node in group["nodes"]:
        yield one_line(node["name"]), one_line("; ".join(node["reasons"])) or "fits"
