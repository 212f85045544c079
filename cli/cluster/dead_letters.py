"""`conveyor dead-letters`: messages that could not be processed."""

import json

import click

from cli.api.client import ApiClient
from cli.api.session import Json, Server
from cli.api_command import action, ask, asks_api, json_option, page_of, paged
from cli.messages import ago, counted, now, one_line, printable
from cli.tables import print_answer, print_json, print_table

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
    kept with that reason. These commands require the scope admin.
    """


@dead_letters.command(name="list")
@paged(default=20)
@json_option
@asks_api
def list_dead_letters(server: Server, page: int, size: int, as_json: bool) -> None:
    """List dead letters, newest first."""
    answer = ask(
        server, lambda api: page_of(lambda n, m: api.dead_letters(page=n, size=m), page, size)
    )
    if as_json:
        print_json(answer)
    elif found := answer["items"]:
        print_table(_COLUMNS, map(_row, found))
        if answer["totalItems"] > len(found):
            click.echo(f"page {page} of {answer['totalPages']}", err=True)
    else:
        click.echo("no dead letters", err=True)


@dead_letters.command()
@click.argument("letter_id", metavar="ID")
@json_option
@asks_api
def show(server: Server, letter_id: str, as_json: bool) -> None:
    """Show a dead letter with its contents. Known secrets are redacted."""
    answer = ask(server, lambda api: api.dead_letter(letter_id))
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
        ApiClient.requeue_dead_letter,
    )
)
dead_letters.add_command(
    action("delete", "deleted", "Delete dead letters.", ApiClient.delete_dead_letter)
)


@dead_letters.command()
@click.confirmation_option(prompt="Delete all dead letters?")
@json_option
@asks_api
def purge(server: Server, as_json: bool) -> None:
    """Delete all dead letters."""
    answer = ask(server, ApiClient.purge_dead_letters)
    print_answer(answer, f"{counted(answer['deleted'], 'dead letter')} deleted", as_json=as_json)


def _readable(contents: str) -> str:
    try:
        return json.dumps(json.loads(contents), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):  # no JSON, or none to be looked at
        return contents


def _row(letter: Json) -> tuple[str, ...]:
    return (
        letter["id"],
        letter.get("queue", "unknown"),
        letter.get("kind", ""),
        f"{letter['size']:,}",
        ago(letter.get("at"), now()),
        letter.get("reason", ""),
    )
