"""The `conveyor` command: which sub-commands there are. Each lives in a module of its own.

Modules are imported when their command is called, so that `conveyor --help` stays quick.
"""

import sys
from importlib import import_module
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem


class _Entry(NamedTuple):
    target: str  # "module:attribute" of the click command
    help: str


_JOBS = {
    "submit": _Entry("cli.jobs.submit:submit", "Submit a job; with --wait, watch it to its end."),
    "validate": _Entry("cli.jobs.validate:validate", "Check job files without a server."),
    "eval": _Entry("cli.eval:evaluate", "Evaluate an expression, without a server."),
    "get": _Entry("cli.jobs.get:get", "Show a job with its tasks."),
    "list": _Entry("cli.jobs.list:list_jobs", "List and search jobs."),
    "logs": _Entry("cli.jobs.logs:logs", "Print the log of a job or of one task."),
    "cancel": _Entry("cli.jobs.acts:cancel", "Cancel jobs."),
    "restart": _Entry("cli.jobs.acts:restart", "Go on with failed or cancelled jobs."),
}
_CLUSTER = {
    "queues": _Entry("cli.cluster.queues:queues", "List queues and what waits in them."),
    "dead-letters": _Entry(
        "cli.cluster.dead_letters:dead_letters", "Messages that nobody could use."
    ),
    "nodes": _Entry("cli.cluster.nodes:nodes", "List workers."),
    "schedules": _Entry("cli.cluster.schedules:schedules", "Jobs that are made by the clock."),
    "keys": _Entry("cli.cluster.keys:keys", "API keys: who may do what."),
}
_SERVICES = {
    "demo": _Entry("cli.demo.command:demo", "Run an example job from start to end, then stop."),
    "dev": _Entry("cli.dev:dev", "Run all four services in one process, on this machine."),
    "coordinator": _Entry("cli.service:coordinator", "Run a coordinator: the HTTP API and jobs."),
    "scheduler": _Entry("cli.service:scheduler", "Run a scheduler: retries, time-outs, nodes."),
    "worker": _Entry("cli.service:worker", "Run a worker: it runs the tasks."),
    "webhook-dispatcher": _Entry(
        "cli.service:webhook_dispatcher", "Run a webhook dispatcher: it posts state changes."
    ),
    "migrate": _Entry("cli.migrate:migrate", "Bring the Postgres schema up to date."),
    "settings": _Entry("cli.settings:settings", "Print every setting, its default and meaning."),
    "metrics": _Entry("cli.metrics:metrics", "Print every metric and what it shows."),
}
_ITSELF = {
    "completion": _Entry("cli.completion:completion", "Print what makes a shell complete."),
    "version": _Entry("cli.version:version", "Print the version."),
}
_SECTIONS = {"Jobs": _JOBS, "Cluster": _CLUSTER, "Services": _SERVICES, "This command": _ITSELF}
_COMMANDS = _JOBS | _CLUSTER | _SERVICES | _ITSELF


class _LazyGroup(click.Group):
    """Knows its commands' names and help texts; imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        return _load(entry) if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, entries in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.help) for name, entry in entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the table: click's own way would import every command."""
        return [
            CompletionItem(name, help=entry.help)
            for name, entry in _COMMANDS.items()
            if name.startswith(incomplete)
        ]


def _load(entry: _Entry) -> click.Command:
    module, attribute = entry.target.split(":")
    command = getattr(import_module(module), attribute)
    assert isinstance(command, click.Command), entry.target  # noqa: S101 - a slip in the table
    return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def conveyor() -> None:
    """Conveyor runs jobs: YAML lists of tasks, each in a container or a shell.

    Try `conveyor demo`, then `conveyor dev` and, in another terminal, `conveyor submit`.

    Commands about jobs and the cluster ask the HTTP API at CONVEYOR_URL (http://127.0.0.1:8000),
    with the key in CONVEYOR_API_KEY or the login in CONVEYOR_USER and CONVEYOR_PASSWORD. They end
    with 0 when it went well (a job that was waited for: it completed), 1 when not, 2 when the
    command line is wrong, 3 when the API can't be reached or refuses.

    Services take their settings from CONVEYOR_... variables and an optional TOML file; `conveyor
    settings` lists them.
    """


def main() -> None:
    sys.exit(conveyor(prog_name="conveyor"))
