"""One act on several things, by their ids: each is told, and one that is refused keeps no other."""

from collections.abc import Awaitable, Callable, Sequence

import click

from cli.api.errors import ApiRejected
from cli.api.session import Json
from cli.ending import EXIT_API
from cli.tables import print_json

Tell = Callable[[str, object], None]


def teller(done: str, *, as_json: bool) -> Tell:
    """Tells that an id `done`, or what the API has answered."""
    if as_json:
        return lambda _, answer: print_json(answer)
    return lambda id_, _: click.echo(f"{id_} {done}")


async def act_on_all(ids: Sequence[str], act: Callable[[str], Awaitable[Json]], tell: Tell) -> int:
    """The exit code."""
    exit_code = 0
    for id_ in ids:
        try:
            tell(id_, await act(id_))
        except ApiRejected as error:
            click.secho(f"conveyor: {id_}: {error}", err=True, fg="red")
            exit_code = EXIT_API
    return exit_code
