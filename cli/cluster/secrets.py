"""`conveyor secrets`: secrets that are kept apart from jobs."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from cli.api_command import action, ask, asks_api, call, json_option
from cli.messages import ago, now
from cli.tables import print_answer, print_list
from cli.views import Json
from conveyor import Server

_KINDS = ("other", "aws", "gcp", "storj", "docker")
_COLUMNS = {
    "ID": "whole",
    "KIND": "whole",
    "NAME": "text",
    "ACCESS KEY": "text",
    "OWNER": "text",
    "UPDATED": "right",
    "EXPIRES": "right",
}


@click.group()
def secrets() -> None:
    """Manage stored secrets. A job names them under `storedSecrets`; no command prints them."""


@secrets.command(name="list")
@json_option
@asks_api
def list_secrets(server: Server, as_json: bool) -> None:
    """List the stored secrets that you may use."""
    answer = ask(server, lambda api: api.request("GET", "/secrets"))
    print_list(answer, _COLUMNS, _row, "no secrets", as_json=as_json)


@secrets.command(name="set")
@click.argument("secret_id", metavar="ID")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the secret from a file. Default: from standard input.",
)
@click.option(
    "--kind", type=click.Choice(_KINDS), default="other", show_default=True, help="What it opens."
)
@click.option("--access-key", metavar="TEXT", help="The access key or user name that goes with it.")
@click.option("--name", metavar="TEXT", help="For people.")
@click.option("--expires-at", metavar="TIME", help="When it expires, such as 2026-06-01T12:00:00Z.")
@click.option(
    "--view", multiple=True, metavar="WHO", help="user:NAME or role:SLUG that may use it."
)
@click.option("--operate", multiple=True, metavar="WHO", help="As --view; may replace it, too.")
@json_option
@asks_api
def set_secret(
    server: Server,
    secret_id: str,
    file: Path | None,
    view: Sequence[str],
    operate: Sequence[str],
    *,
    as_json: bool,
    **fields: str | None,
) -> None:
    """Store a secret, or replace it. Line ends at its end are left out."""
    body: dict[str, object] = {
        "kind": fields["kind"],
        "name": fields["name"],
        "accessKey": fields["access_key"],
        "expiresAt": fields["expires_at"],
        "secret": _read(file),
        "permissions": [_permission(who, "view") for who in view]
        + [_permission(who, "operate") for who in operate],
    }
    given = {name: value for name, value in body.items() if value}
    act = call("PUT", "/secrets/{id}", given)
    print_answer(ask(server, lambda api: act(api, secret_id)), f"{secret_id} set", as_json=as_json)


def _read(file: Path | None) -> str:
    if file is not None:
        return file.read_text().rstrip("\r\n")
    if sys.stdin.isatty():
        asked: str = click.prompt("Secret", hide_input=True, err=True)
        return asked
    return sys.stdin.read().rstrip("\r\n")


def _permission(who: str, access: str) -> dict[str, str]:
    kind, colon, name = who.partition(":")
    if kind not in ("user", "role") or not colon or not name:
        raise click.UsageError(f"{who!r} is not allowed: must be user:NAME or role:SLUG")
    return {kind: name, "access": access}


secrets.add_command(
    action("delete", "deleted", "Delete stored secrets.", call("DELETE", "/secrets/{id}"))
)


def _row(secret: Json) -> tuple[str, ...]:
    return (
        secret["id"],
        secret["kind"],
        secret.get("name", ""),
        secret.get("accessKey", ""),
        secret["createdBy"]["username"],
        ago(secret["updatedAt"], now()),
        "expired" if secret["isExpired"] else ago(secret.get("expiresAt"), now()) or "never",
    )
