"""The `conveyor` command: which sub-commands there are. Each lives in a module of its own.

Modules are imported when their command is called, so that `conveyor --help` stays quick.
"""

import sys
from importlib import import_module
from typing import NamedTuple

import click


class _Entry(NamedTuple):
    target: str  # "module:attribute" of the click command
    help: str


_COMMANDS = {
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
    "version": _Entry("cli.version:version", "Print the version."),
}


class _LazyGroup(click.Group):
    """Knows its commands' names and help texts; imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        return _load(entry) if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in _COMMANDS.items()])


def _load(entry: _Entry) -> click.Command:
    module, attribute = entry.target.split(":")
    command = getattr(import_module(module), attribute)
    assert isinstance(command, click.Command), entry.target  # noqa: S101 - a slip in the table
    return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def conveyor() -> None:
    """Conveyor runs jobs: YAML lists of tasks, each in a container or a shell.

    Try `conveyor demo`, then `conveyor dev`. Settings come from CONVEYOR_... variables and an
    optional TOML file; `conveyor settings` lists them.
    """


def main() -> None:
    sys.exit(conveyor(prog_name="conveyor"))
