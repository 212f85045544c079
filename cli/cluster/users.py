"""`conveyor users` and `conveyor roles`: who signs in with a password, and what they may do."""

import os
import sys
import warnings
from collections.abc import Sequence
from getpass import GetPassWarning

import click

from cli.api_command import action, ask, asks_api, call, json_option
from cli.messages import ago, now
from cli.tables import print_answer, print_list
from cli.views import Json
from conveyor import AsyncClient, NotFound, Rejected, Server

_NOT_FOUND = 404
_USERS = {"USER": "whole", "NAME": "text", "ROLES": "text", "STATE": "whole", "CREATED": "right"}
_ROLES = {"ROLE": "whole", "NAME": "text", "CREATED": "right"}
_OLD_IS_REQUIRED = "oldPassword: is required"

password_option = click.option(
    "--password-stdin",
    "from_stdin",
    is_flag=True,
    help="Read the password from the first line of standard input instead of asking for it.",
)


@click.group()
def users() -> None:
    """Manage users. Requires the role or the scope admin, except for one's own password."""


@users.command(name="list")
@json_option
@asks_api
def list_users(server: Server, as_json: bool) -> None:
    """List users with their roles."""
    answer = ask(server, lambda api: api.request("GET", "/users"))
    print_list(answer, _USERS, _user_row, "no users", as_json=as_json)


@users.command()
@click.argument("username")
@click.option("--name", help="The name shown to people. Default: the user name.")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="A role. Repeatable.")
@click.option("--disabled", is_flag=True, help="The user cannot sign in.")
@password_option
@json_option
@asks_api
def create(
    server: Server,
    username: str,
    name: str | None,
    roles: Sequence[str],
    disabled: bool,
    from_stdin: bool,
    *,
    as_json: bool,
) -> None:
    """Create a user. Asks for the password."""
    wanted = {"username": username, "name": name, "password": _new_password(from_stdin)}
    given = {field: value for field, value in wanted.items() if value is not None}

    async def create_it(api: AsyncClient) -> Json:
        known = (
            {role["slug"].lower() for role in await api.request("GET", "/roles")}
            if roles
            else set()
        )
        if missing := [role for role in roles if role.lower() not in known]:
            raise NotFound(f"no such role: {', '.join(missing)}", _NOT_FOUND)
        body = given | {"disabled": disabled}
        answer = await api.request("POST", "/users", body=body)
        if roles:
            await _set_roles(api, username, roles)
        return dict(answer)

    print_answer(ask(server, create_it), f"created user {username}", as_json=as_json)


@users.command()
@click.argument("username", envvar="CONVEYOR_USER")
@password_option
@json_option
@asks_api
def password(server: Server, username: str, from_stdin: bool, *, as_json: bool) -> None:
    """Change the password of USERNAME (default: CONVEYOR_USER).

    Your own needs the old one: CONVEYOR_PASSWORD, the second line of standard input, or a prompt.
    """
    new = _new_password(from_stdin)
    known = username == os.environ.get("CONVEYOR_USER") and os.environ.get("CONVEYOR_PASSWORD")

    async def change(api: AsyncClient) -> Json:
        given = {"password": new} | ({"oldPassword": known} if known else {})
        try:
            return await _change_password(api, username, given)
        except Rejected as error:
            if _OLD_IS_REQUIRED not in str(error):
                raise
        old = _line() if from_stdin else _asked("Old password")
        return await _change_password(api, username, given | {"oldPassword": old})

    print_answer(ask(server, change), f"changed the password of {username}", as_json=as_json)


async def _change_password(api: AsyncClient, username: str, body: Json) -> Json:
    return dict(await api.request("PUT", "/users/{id}/password", body=body, id=username))


async def _set_roles(api: AsyncClient, username: str, slugs: Sequence[str]) -> Json:
    """These roles and no others."""
    return dict(await api.request("PUT", "/users/{id}/roles", body=list(slugs), id=username))


def _switch(name: str, done: str, help_text: str, *, disabled: bool) -> None:
    act = call("PATCH", "/users/{id}", {"disabled": disabled})
    users.add_command(action(name, done, help_text, act))


_switch("disable", "disabled", "Refuse users, their keys and their sessions.", disabled=True)
_switch("enable", "enabled", "Let users sign in again. Their keys work again.", disabled=False)

users.add_command(
    action(
        "delete",
        "deleted",
        "Delete users and their keys. Their jobs stay, and no new user of the name gets them.",
        call("DELETE", "/users/{id}"),
    )
)


@click.group()
def roles() -> None:
    """Manage roles: groups of users that permissions of jobs name. `admin` allows everything."""


@roles.command(name="list")
@json_option
@asks_api
def list_roles(server: Server, as_json: bool) -> None:
    """List roles."""
    answer = ask(server, lambda api: api.request("GET", "/roles"))
    print_list(answer, _ROLES, _role_row, "no roles", as_json=as_json)


@roles.command(name="create")
@click.argument("role")
@click.option("--name", help="The name shown to people. Default: ROLE.")
@json_option
@asks_api
def create_role(server: Server, role: str, name: str | None, *, as_json: bool) -> None:
    """Create a role."""
    body = {"slug": role, "name": name or role}
    answer = ask(server, lambda api: api.request("POST", "/roles", body=body))
    print_answer(answer, f"created role {role}", as_json=as_json)


def _change(name: str, help_text: str, *, adds: bool) -> None:
    @roles.command(name=name, help=help_text)
    @click.argument("username")
    @click.argument("named", nargs=-1, required=True, metavar="ROLE...")
    @json_option
    @asks_api
    def command(server: Server, username: str, named: Sequence[str], *, as_json: bool) -> None:
        async def change(api: AsyncClient) -> tuple[Json, Sequence[str]]:
            user = await _user(api, username)
            had, changed = set(user.get("roles") or ()), {role.lower() for role in named}
            kept = {role for role in had if role.lower() not in changed}
            wanted = sorted(kept | set(named) if adds else kept)
            return await _set_roles(api, user["username"], wanted), wanted

        answer, wanted = ask(server, change)
        print_answer(answer, f"{username}: {', '.join(wanted) or 'no roles'}", as_json=as_json)


_change("assign", "Give a user more roles.", adds=True)
_change("unassign", "Take roles from a user.", adds=False)


async def _user(api: AsyncClient, username: str) -> Json:
    """Raises NotFound when there is none."""
    for user in await api.request("GET", "/users"):
        if user["username"].lower() == username.lower():
            return dict(user)
    raise NotFound("no such user", _NOT_FOUND)


def _new_password(from_stdin: bool) -> str:
    return _line() if from_stdin else _asked("Password", is_new=True)


def _asked(prompt: str, *, is_new: bool = False) -> str:
    """Raises UsageError without a terminal: what is typed or piped would be shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)
        try:
            asked: str = click.prompt(prompt, hide_input=True, confirmation_prompt=is_new, err=True)
        except GetPassWarning:
            raise click.UsageError(
                "there is no terminal to ask for the password: add --password-stdin"
            ) from None
    return asked


def _line() -> str:
    return sys.stdin.readline().removesuffix("\n").removesuffix("\r")


def _user_row(user: Json) -> tuple[str, ...]:
    return (
        user["username"],
        user.get("name", ""),
        ", ".join(user.get("roles") or ()),
        "disabled" if user.get("disabled") else "active",
        ago(user.get("createdAt"), now()),
    )


def _role_row(role: Json) -> tuple[str, ...]:
    return role["slug"], role.get("name", ""), ago(role.get("createdAt"), now())
