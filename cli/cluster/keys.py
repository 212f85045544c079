"""`conveyor keys`: API keys."""

from collections.abc import Sequence

import click

from cli.api_command import action, ask, asks_api, call, json_option
from cli.messages import ago, now
from cli.references import key_id
from cli.tables import print_json, print_list
from cli.views import Json
from conveyor import Server

_SCOPES = ("read", "submit", "operate", "admin")
_COLUMNS = {
    "ID": "whole",
    "NAME": "text",
    "SCOPES": "whole",
    "USER": "text",
    "CREATED": "right",
    "LAST USED": "right",
    "EXPIRES": "right",
}


@click.group()
def keys() -> None:
    """Manage API keys: your own or, with the scope admin, those of all users."""


@keys.command(name="list")
@json_option
@asks_api
def list_keys(server: Server, as_json: bool) -> None:
    """List API keys, without their secret text."""
    answer = ask(server, lambda api: api.request("GET", "/keys"))
    print_list(answer, _COLUMNS, _row, "no keys", as_json=as_json)


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(_SCOPES),
    help="A scope of the key. Repeatable.",
)
@click.option("--user", help="The user the key belongs to. Default: you.")
@click.option(
    "--expires-in", metavar="DURATION", help="When the key expires, such as 720h. Default: never."
)
@json_option
@asks_api
def create(
    server: Server,
    name: str,
    scopes: Sequence[str],
    user: str | None,
    expires_in: str | None,
    *,
    as_json: bool,
) -> None:
    """Create an API key and print it. It cannot be shown again.

    Only the key goes to standard output.
    """
    wanted = {"name": name, "scopes": scopes, "user": user, "expiresIn": expires_in}
    given = {field: value for field, value in wanted.items() if value is not None}
    answer = ask(server, lambda api: api.request("POST", "/keys", body=given))
    if as_json:
        print_json(answer)
        return
    click.echo(f"created key {answer['id']}; it is not shown again:", err=True)
    click.echo(answer["key"])


keys.add_command(
    action(
        "delete",
        "revoked",
        "Revoke API keys by id, the beginning of an id, or name.",
        call("DELETE", "/keys/{id}"),
        key_id,
    )
)


def _row(key: Json) -> tuple[str, ...]:
    return (
        key["id"],
        key["name"],
        ", ".join(key.get("scopes") or ()),
        key.get("user", ""),
        ago(key.get("createdAt"), now()),
        ago(key.get("lastUsedAt"), now()) or "never",
        ago(key.get("expiresAt"), now()) or "never",
    )
