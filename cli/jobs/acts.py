"""`conveyor cancel` and `conveyor restart`."""

import sys
from collections.abc import Callable, Sequence

import click

from cli.api.client import ApiClient
from cli.api.errors import ApiRejected
from cli.api.server import Server
from cli.asking import ask, asks_api, json_option
from cli.ending import EXIT_API
from cli.tables import print_json


def _act(name: str, done: str, help_text: str) -> click.Command:
    @click.command(name=name, help=help_text)
    @click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
    @json_option
    @asks_api
    def command(server: Server, jobs: Sequence[str], as_json: bool) -> None:
        tell = (lambda _, answer: print_json(answer)) if as_json else _teller(done)
        sys.exit(ask(server, lambda api: _act_on_all(api, name, jobs, tell)))

    return command


def _teller(done: str) -> Callable[[str, object], None]:
    return lambda job_id, _: click.echo(f"{job_id} {done}")


async def _act_on_all(
    api: ApiClient, act: str, jobs: Sequence[str], tell: Callable[[str, object], None]
) -> int:
    """The exit code. One job that is refused doesn't keep the others."""
    exit_code = 0
    for job_id in jobs:
        try:
            tell(job_id, await api.act_on_job(job_id, act))
        except ApiRejected as error:
            click.secho(f"conveyor: {job_id}: {error}", err=True, fg="red")
            exit_code = EXIT_API
    return exit_code


cancel = _act(
    "cancel",
    "is cancelled",
    "Cancel jobs that haven't ended, by their ids. What they run is stopped.\n\n"
    "Exit code 3 means that at least one was refused; the others are cancelled.",
)
restart = _act(
    "restart",
    "goes on",
    "Go on with failed or cancelled jobs, by their ids, where each of them stopped.\n\n"
    "Exit code 3 means that at least one was refused; the others go on.",
)
