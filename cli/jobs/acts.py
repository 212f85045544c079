"""`conveyor cancel` and `conveyor restart`."""

import sys
from collections.abc import Sequence

import click

from cli.api.session import Server
from cli.api_command import act_on_all, ask, asks_api, json_option, reporter


def _act(name: str, done: str, help_text: str) -> click.Command:
    @click.command(name=name, help=help_text)
    @click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
    @json_option
    @asks_api
    def command(server: Server, jobs: Sequence[str], as_json: bool) -> None:
        report = reporter(done, as_json=as_json)
        sys.exit(
            ask(server, lambda api: act_on_all(jobs, lambda id_: api.act_on_job(id_, name), report))
        )

    return command


cancel = _act(
    "cancel",
    "cancelled",
    "Cancel active jobs by their ids. Their running tasks are stopped.\n\n"
    "Exit code 3: the API rejected at least one; the others are cancelled.",
)
restart = _act(
    "restart",
    "restarted",
    "Restart failed or cancelled jobs by their ids, each from where it stopped.\n\n"
    "Exit code 3: the API rejected at least one; the others are restarted.",
)
