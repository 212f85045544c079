"""`conveyor sessions`: where a user is signed in, and how to end that."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import click

from cli.api_command import act_on_each, ask, asks_api, json_option
from cli.messages import ago, now
from cli.tables import print_answer, print_list
from cli.views import Json
from conveyor import AsyncClient, Server

T = TypeVar("T")

_SESSIONS = {
    "ID": "whole",
    "USER": "text",
    "OPENED WITH": "text",
    "CLIENT": "text",
    "OPENED": "right",
    "USED": "right",
}


def _user_option(command: Callable[..., T]) -> Callable[..., T]:
    text = "The user (requires admin). Default: yourself."
    return click.option("--user", metavar="USER", default="", help=text)(command)


@click.group()
def sessions() -> None:
    """Manage sign-ins of the page, and access tokens."""


@sessions.command(name="list")
@_user_option
@json_option
@asks_api
def list_sessions(server: Server, user: str, as_json: bool) -> None:
    """List the sessions that have not ended."""
    answer = ask(server, lambda api: api.request("GET", "/sessions", query=_of(user)))
    print_list(answer, _SESSIONS, _row, "no sessions", as_json=as_json)


@sessions.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--all", "ends_all", is_flag=True, help="End all sessions of the user.")
@_user_option
@json_option
@asks_api
def end(server: Server, ids: Sequence[str], ends_all: bool, user: str, as_json: bool) -> None:
    """End sessions by their ids, or all of a user."""
    if ends_all == bool(ids):
        raise click.UsageError("give ids or --all")

    async def end_one(api: AsyncClient, id_: str) -> Json:
        return dict(await api.request("DELETE", "/sessions/{id}", query=_of(user), id=id_))

    async def end_them(api: AsyncClient) -> int:
        if not ends_all:
            return await act_on_each(api, ids, end_one, "ended", as_json=as_json)
        answer = await api.request("DELETE", "/sessions", query=_of(user))
        print_answer(answer, f"ended sessions: {answer['ended']}", as_json=as_json)
        return 0

    sys.exit(ask(server, end_them))


def _of(user: str) -> Mapping[str, str]:
    return {"user": user} if user else {}


def _row(session: Json) -> tuple[str, ...]:
    at = now()
    return (
        session["id"],
        session.get("user", ""),
        f"key {session['key']}" if session.get("key") else "password",
        session.get("client", ""),
        ago(session.get("createdAt"), at),
        ago(session.get("usedAt"), at),
    )
