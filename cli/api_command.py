"""What commands that call the API share: --url, --key, and what errors of the API become."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar

import click

from cli.exit_codes import EXIT_API, EXIT_INTERRUPTED, fail
from cli.references import LARGEST_PAGE, Resolve
from cli.tables import print_answer
from cli.views import Json, items_of
from conveyor import (
    AsyncClient,
    ConveyorError,
    Rejected,
    Retries,
    Server,
    Unauthenticated,
    Unavailable,
)
from conveyor.http import DEFAULT_URL

T = TypeVar("T")

_ONCE = Retries(tries=1)
"""Whoever has typed a command wants to know at once."""
_WHERE_IT_IS = " (is it running? Set its address with CONVEYOR_URL or --url)"
_HOW_TO_LOG_IN = "set CONVEYOR_API_KEY, or CONVEYOR_USER and CONVEYOR_PASSWORD"


def paged(default: int) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Adds the options --page and --size."""

    def add(command: Callable[..., T]) -> Callable[..., T]:
        size = click.option(
            "--size", type=click.IntRange(1), default=default, show_default=True, help="Page size."
        )
        page = click.option(
            "--page", type=click.IntRange(min=1), default=1, show_default=True, help="Page number."
        )
        return page(size(command))

    return add


async def page_of(
    api: AsyncClient,
    path: str,
    page: int,
    size: int,
    query: Mapping[str, str] | None = None,
    **names: Any,  # noqa: ANN401 - texts, as `request` takes them
) -> Any:  # noqa: ANN401 - JSON
    """A page as the API gives it; one larger than the API's, from several of those."""

    async def fetch(number: int, most: int) -> Any:  # noqa: ANN401 - JSON
        asked = {**(query or {}), "page": number, "size": most}
        return await api.request("GET", path, query=asked, **names)

    if size <= LARGEST_PAGE:
        return await fetch(page, size)
    begin, end = (page - 1) * size, page * size
    items: list[Json] = []
    for number in range(begin // LARGEST_PAGE + 1, -(-end // LARGEST_PAGE) + 1):
        answer = await fetch(number, LARGEST_PAGE)
        items += items_of(answer)
        if len(items_of(answer)) < LARGEST_PAGE:
            break
    found = items[begin % LARGEST_PAGE :][:size]
    total = answer["totalItems"] if isinstance(answer, dict) else len(found)
    return {"number": page, "size": size, "items": found, "totalItems": total,
            "totalPages": -(-total // size)}  # fmt: skip


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the JSON response of the API."
)

Act = Callable[[AsyncClient, str], Awaitable[Json]]


def call(method: str, path: str, body: object = None) -> Act:
    """What a request does to one thing by its id."""

    async def act(api: AsyncClient, id_: str) -> Json:
        return dict(await api.request(method, path, body=body, id=id_))

    return act


def asks_api(command: Callable[..., T]) -> Callable[..., T]:
    """Adds the options --url and --key; the command gets them as `server`."""

    @click.option(
        "--url",
        metavar="URL",
        envvar="CONVEYOR_URL",
        default=DEFAULT_URL,
        show_default=True,
        show_envvar=True,
        help="Address of the API.",
    )
    @click.option(
        "--key",
        metavar="KEY",
        envvar="CONVEYOR_API_KEY",
        default="",
        show_envvar=True,
        help="API key. Alternative: CONVEYOR_USER and CONVEYOR_PASSWORD.",
    )
    @wraps(command)
    def with_server(url: str, key: str, **options: Any) -> T:  # noqa: ANN401 - the command's own
        try:
            return command(server=_server(url, key), **options)
        except UnicodeError:  # it can't be read or sent; its text may be a secret
            raise click.UsageError("an argument or standard input is not UTF-8 text") from None

    return with_server


def _server(url: str, key: str) -> Server:
    user, password = (os.environ.get(f"CONVEYOR_{name}", "") for name in ("USER", "PASSWORD"))
    try:
        return Server.at(url, key, user, password)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def ask(server: Server, work: Callable[[AsyncClient], Awaitable[T]], retries: Retries = _ONCE) -> T:
    """The result of `work`. An error of the API ends the process with its reason."""
    try:
        return asyncio.run(_with_client(server, work, retries))
    except Rejected as error:
        hint = f" ({_HOW_TO_LOG_IN})" if isinstance(error, Unauthenticated) else ""
        fail(f"{error}{hint}", EXIT_API)
    except ConveyorError as error:
        is_away = isinstance(error, Unavailable) and error.is_away
        fail(f"{error}{_WHERE_IT_IS if is_away else ''}", EXIT_API)
    except KeyboardInterrupt:  # Ctrl-C: who pressed it knows
        sys.exit(EXIT_INTERRUPTED)


async def _with_client(
    server: Server, work: Callable[[AsyncClient], Awaitable[T]], retries: Retries
) -> T:
    async with AsyncClient(server, retries=retries) as api:
        return await work(api)


async def _as_given(_: AsyncClient, text: str) -> str:
    return text


async def act_on_each(
    api: AsyncClient,
    named: Sequence[str],
    act: Act,
    done: str,
    resolve: Resolve = _as_given,
    *,
    as_json: bool,
) -> int:
    """The exit code. A rejected one does not stop the others."""
    exit_code = 0
    for text in named:
        try:
            answer = await act(api, await resolve(api, text))
            print_answer(answer, f"{text} {done}", as_json=as_json)
        except Rejected as error:
            if isinstance(error, Unauthenticated):
                raise  # for all of them
            click.secho(f"conveyor: {text}: {error}", err=True, fg="red")
            exit_code = EXIT_API
    return exit_code


def action(
    name: str, done: str, help_text: str, act: Act, resolve: Resolve = _as_given
) -> click.Command:
    """A command for several things by their ids. `resolve` gives the id for what else they may be
    called."""

    @click.command(name=name, help=help_text)
    @click.argument("ids", nargs=-1, required=True, metavar="ID...")
    @json_option
    @asks_api
    def command(server: Server, ids: Sequence[str], as_json: bool) -> None:
        sys.exit(
            ask(server, lambda api: act_on_each(api, ids, act, done, resolve, as_json=as_json))
        )

    return command
