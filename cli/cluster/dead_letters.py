"""`conveyor dead-letters`: messages that could not be processed."""

import json

import click

from cli.api_command import action, ask, asks_api, call, json_option, page_of, paged
from cli.messages import ago, counted, now, one_line, printable
from cli.references import letter_id
from cli.tables import print_answer, print_json, print_table, shown_ids
from cli.views import Json
from conveyor import AsyncClient, Server

_COLUMNS = {
    "ID": "whole",
    "QUEUE": "whole",
    "KIND": "whole",
    "SIZE": "right",
    "ADDED": "right",
    "REASON": "text",
}


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Inspect and requeue dead letters.

    A dead letter is a message that could not be read, or that failed for a permanent reason. It is
    kept with that reason. ID may be the beginning of an id. These commands require the scope admin.
    """


@dead_letters.command(name="list")
@paged(default=20)
@json_option
@asks_api
def list_dead_letters(server: Server, page: int, size: int, as_json: bool) -> None:
    """List dead letters, newest first."""
    answer = ask(server, lambda api: page_of(api, "/dead-letters", page, size))
    if as_json:
        print_json(answer)
    elif found := answer["items"]:
        shown = shown_ids([letter["id"] for letter in found])
        print_table(_COLUMNS, [_row(letter, shown[letter["id"]]) for letter in found])
        if answer["totalItems"] > len(found):
            click.echo(f"page {page} of {answer['totalPages']}", err=True)
    else:
        click.echo("no dead letters", err=True)


@dead_letters.command()
@click.argument("letter", metavar="ID")
@json_option
@asks_api
def show(server: Server, letter: str, as_json: bool) -> None:
    """Show a dead letter with its contents. Known secrets are redacted."""

    async def read(api: AsyncClient) -> Json:
        id_ = await letter_id(api, letter)
        return dict(await api.request("GET", "/dead-letters/{id}", id=id_))

    answer = ask(server, read)
    if as_json:
        print_json(answer)
        return
    for name in ("queue", "reason", "kind", "at"):
        click.echo(f"{name + ':':8}{one_line(str(answer.get(name, 'unknown')))}")
    click.echo()
    for line in _readable(answer["contents"]).splitlines():
        click.echo(printable(line))


dead_letters.add_command(
    action(
        "requeue",
        "requeued",
        "Send dead letters back to their queues.",
        call("POST", "/dead-letters/{id}/requeue"),
        letter_id,
    )
)
dead_letters.add_command(
    action(
        "delete", "deleted", "Delete dead letters.", call("DELETE", "/dead-letters/{id}"), letter_id
    )
)


@dead_letters.command()
@click.confirmation_option(prompt="Delete all dead letters?")
@json_option
@asks_api
def purge(server: Server, as_json: bool) -> None:
    """Delete all dead letters."""
    answer = ask(server, lambda api: api.request("DELETE", "/dead-letters"))
    print_answer(answer, f"{counted(answer['deleted'], 'dead letter')} deleted", as_json=as_json)


def _readable(contents: str) -> str:
    try:
        return json.dumps(json.loads(contents), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):  # no JSON, or none to be looked at
        return contents


def _row(letter: Json, id_: str) -> tuple[str, ...]:
    return (
        id_,
        letter.get("queue", "unknown"),
        letter.get("kind", ""),
        f"{letter['size']:,}",
        ago(letter.get("at"), now()),
        letter.get("reason", ""),
    )
