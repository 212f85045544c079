"""NAME@VERSION of a template on the command line, and its completion."""

import asyncio
import os

import click
from click.shell_completion import CompletionItem

from cli.views import items_of
from conveyor import AsyncClient, ConveyorError, Server
from conveyor.http import DEFAULT_URL
from shared.jobspec.tags import parse_tag

_COMPLETION_SECONDS = 3.0


def _parsed(_: click.Context, __: click.Parameter, text: str) -> tuple[str, str]:
    try:
        tag = parse_tag(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not allowed: {error}") from None
    return tag.name, str(tag).partition("@")[2]


def complete_names(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
    """The names of templates on the server that the environment names; none where it is silent."""
    url = ctx.params.get("url") or os.environ.get("CONVEYOR_URL") or DEFAULT_URL
    key = ctx.params.get("key") or os.environ.get("CONVEYOR_API_KEY")
    try:
        found = asyncio.run(asyncio.wait_for(_names(Server.at(url, key)), _COMPLETION_SECONDS))
    except (ConveyorError, TimeoutError, ValueError):  # a completion that fails says nothing
        return []
    return [CompletionItem(name, help=text) for name, text in found if name.startswith(begun)]


async def _names(server: Server) -> list[tuple[str, str]]:
    async with AsyncClient(server) as api:
        answer = await api.request("GET", "/templates", query={"size": 100})
        return [(item["name"], item.get("description", "")) for item in items_of(answer)]


template_argument = click.argument(
    "template", metavar="NAME[@VERSION]", callback=_parsed, shell_complete=complete_names
)
