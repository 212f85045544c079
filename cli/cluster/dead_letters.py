"""`conveyor dead-letters`: messages that nobody could use, and what becomes of them."""

import json
import sys
from collections.abc import Awaitable, Callable, Sequence

import click

from cli.acting import act_on_all, teller
from cli.api.client import ApiClient
from cli.api.server import Server
from cli.api.session import Json
from cli.asking import ask, asks_api, json_option
from cli.tables import print_json, print_table
from cli.wording import ago, counted, now, one_line, printable

_COLUMNS = {
    "ID": "whole",
    "QUEUE": "whole",
    "KIND": "whole",
    "SIZE": "right",
    "SINCE": "right",
    "REASON": "text",
}


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Messages that nobody could use: list, show, send again, throw away.

    A message that can't be read, or whose handling fails for a reason that won't pass, is put aside
    with that reason. All of this needs the scope admin.
    """


@dead_letters.command(name="list")
@click.option("--page", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--size", type=click.IntRange(1, 20), default=20, show_default=True)
@json_option
@asks_api
def list_dead_letters(server: Server, page: int, size: int, as_json: bool) -> None:
    """List them, newest first."""
    answer = ask(server, lambda api: api.dead_letters(page=page, size=size))
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
    """Show one with what it says. Secrets that are known are taken out."""
    answer = ask(server, lambda api: api.dead_letter(letter_id))
    if as_json:
        print_json(answer)
        return
    for name in ("queue", "reason", "kind", "at"):
        click.echo(f"{name + ':':8}{one_line(str(answer.get(name, 'not known')))}")
    click.echo()
    for line in _readable(answer["contents"]).splitlines():
        click.echo(printable(line))


_Act = Callable[[ApiClient, str], Awaitable[Json]]


def _act(name: str, done: str, help_text: str, act: _Act) -> None:
    @dead_letters.command(name=name, help=help_text)
    @click.argument("ids", nargs=-1, required=True, metavar="ID...")
    @json_option
    @asks_api
    def command(server: Server, ids: Sequence[str], as_json: bool) -> None:
        tell = teller(done, as_json=as_json)
        sys.exit(ask(server, lambda api: act_on_all(ids, lambda id_: act(api, id_), tell)))


_act(
    "requeue",
    "is sent again",
    "Send them to the queues they came from once more.",
    lambda api, id_: api.requeue_dead_letter(id_),
)
_act(
    "delete",
    "is deleted",
    "Throw these away.",
    lambda api, id_: api.delete_dead_letter(id_),
)


@dead_letters.command()
@click.confirmation_option(prompt="Throw all dead letters away?")
@json_option
@asks_api
def purge(server: Server, as_json: bool) -> None:
    """Throw all of them away."""
    answer = ask(server, ApiClient.purge_dead_letters)
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{counted(answer['deleted'], 'dead letter')} deleted")


def _readable(contents: str) -> str:
    try:
        return json.dumps(json.loads(contents), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):  # no JSON, or none to be looked at
        return contents


def _row(letter: Json) -> tuple[str, ...]:
    return (
        letter["id"],
        letter.get("queue", "not known"),
        letter.get("kind", ""),
        f"{letter['size']:,}",
        ago(letter.get("at"), now()),
        letter.get("reason", ""),
    )
