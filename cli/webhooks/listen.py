"""`conveyor webhooks listen`: a receiver that prints what it gets and verifies signatures."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cli.exit_codes import fail
from cli.tables import screen
from shared.process.signing import read_secret

if TYPE_CHECKING:
    from shared.process.settings.blocks import ListeningBlock

_DEFAULT_ADDRESS = "127.0.0.1:9999"


def _address(_: click.Context, __: click.Parameter, text: str) -> "ListeningBlock":
    # Here and below: the other commands need neither a server nor settings.
    from pydantic import ValidationError

    from shared.process.settings.blocks import ListeningBlock

    try:
        return ListeningBlock(address=text)
    except ValidationError:  # its own words speak of a model
        raise click.BadParameter(f"{text!r} must be host:port such as {_DEFAULT_ADDRESS}") from None


def _keys(_: click.Context, __: click.Parameter, secrets: Sequence[str]) -> Sequence[bytes]:
    try:
        return [read_secret(secret) for secret in secrets]
    except ValueError as error:
        raise click.BadParameter(f"a secret {error}") from None


@click.command()
@click.option(
    "--address",
    metavar="HOST:PORT",
    default=_DEFAULT_ADDRESS,
    show_default=True,
    callback=_address,
    help="Where to listen. Port 0 is any free port.",
)
@click.option(
    "--secret",
    "keys",
    metavar="WHSEC",
    multiple=True,
    envvar="CONVEYOR_WEBHOOK_SECRET",
    show_envvar=True,
    callback=_keys,
    help="Verify signatures with this secret; requests without a valid one get status 401. "
    "Repeatable: one of them must match.",
)
@click.option(
    "--status",
    type=click.IntRange(200, 599),
    default=200,
    show_default=True,
    help="Status of the responses, to see what is retried.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each request as a line of JSON.")
def listen(address: "ListeningBlock", keys: Sequence[bytes], status: int, *, as_json: bool) -> None:
    """Receive webhooks and print them.

    Each request is one line. Every path accepts POST requests. Signatures are verified according
    to Standard Webhooks.
    """
    from cli.webhooks.receiver import Receiver, serve

    receiver = Receiver(keys, status, screen(), as_json=as_json)
    try:
        asyncio.run(serve(address, receiver))
    except OSError as error:
        fail(str(error))
    click.echo(receiver.total(), err=True)
