"""`conveyor cancel` and `conveyor restart`."""

import sys
from collections.abc import Sequence

import click

from cli.acting import act_on_all, teller
from cli.api.server import Server
from cli.asking import ask, asks_api, json_option


def _act(name: str, done: str, help_text: str) -> click.Command:
    @click.command(name=name, help=help_text)
    @click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
    @json_option
    @asks_api
    def command(server: Server, jobs: Sequence[str], as_json: bool) -> None:
        tell = teller(done, as_json=as_json)
        sys.exit(
            ask(server, lambda api: act_on_all(jobs, lambda id_: api.act_on_job(id_, name), tell))
        )

    return command


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
