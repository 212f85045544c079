"""One action on several things, by their ids: a rejected one does not stop the others."""

from collections.abc import Awaitable, Callable, Sequence

import click

from cli.api.session import ApiRejected, Json
from cli.exit_codes import EXIT_API
from cli.tables import print_json

Report = Callable[[str, object], None]


def reporter(done: str, *, as_json: bool) -> Report:
    """Prints what was done to an id, or the response of the API."""
    if as_json:
        return lambda _, answer: print_json(answer)
    return lambda id_, _: click.echo(f"{id_} {done}")


async def act_on_all(
    ids: Sequence[str], act: Callable[[str], Awaitable[Json]], report: Report
) -> int:
    """The exit code."""
    exit_code = 0
    for id_ in ids:
        try:
            report(id_, await act(id_))
        except ApiRejected as error:
            click.secho(f"conveyor: {id_}: {error}", err=True, fg="red")
            exit_code = EXIT_API
    return exit_code
