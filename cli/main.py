"""The `conveyor` command: the table of its sub-commands, each in a module of its own.

Modules are imported when their command is called, so that `conveyor --help` stays quick.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem


class _Entry(NamedTuple):
    target: str  # "module:attribute" of the click command
    help: str


_JOBS = {
    "submit": _Entry("cli.jobs.submit:submit", "Submit a job."),
    "run": _Entry("cli.templates.run:run", "Submit a job of a template."),
    "templates": _Entry("cli.templates.command:templates", "Manage stored jobs with inputs."),
    "validate": _Entry("cli.jobs.validate:validate", "Validate job files without a server."),
    "schema": _Entry("cli.jobs.schema:schema", "Print the JSON Schema of job files."),
    "examples": _Entry("cli.jobs.examples:examples", "List example job files, or print one."),
    "eval": _Entry("cli.eval:evaluate", "Evaluate an expression without a server."),
    "get": _Entry("cli.jobs.get:get", "Show a job and its tasks."),
    "list": _Entry("cli.jobs.list:list_jobs", "List and search jobs."),
    "logs": _Entry("cli.jobs.logs:logs", "Print the log of a job or of one task."),
    "why": _Entry("cli.jobs.why:why", "Explain why a job has no node yet."),
    "reuse": _Entry("cli.jobs.reuse:reuse", "Explain which submissions reused a job."),
    "files": _Entry("cli.jobs.files:files", "List the files that a job has kept."),
    "download": _Entry("cli.jobs.download:download", "Save the files that a job has kept."),
    "cancel": _Entry("cli.jobs.acts:cancel", "Cancel jobs."),
    "priority": _Entry("cli.jobs.priority:priority", "Change the priority of jobs."),
    "lock": _Entry("cli.jobs.lock:lock", "Lock a job."),
    "unlock": _Entry("cli.jobs.lock:unlock", "Unlock a job."),
    "release": _Entry("cli.jobs.acts:release", "Release held jobs."),
    "restart": _Entry("cli.jobs.acts:restart", "Restart failed or cancelled jobs."),
    "history": _Entry("cli.jobs.versions:history", "Show what has happened to a Bacalhau job."),
    "versions": _Entry("cli.jobs.versions:versions", "List the versions of a job."),
    "rerun": _Entry("cli.jobs.versions:rerun", "Run a job again, or an older version."),
    "run-again": _Entry("cli.jobs.submit:run_again", "Submit a job once more."),
    "delete": _Entry("cli.jobs.acts:delete", "Delete jobs."),
}
_CLUSTER = {
    "queues": _Entry("cli.cluster.queues:queues", "List queues."),
    "dead-letters": _Entry(
        "cli.cluster.dead_letters:dead_letters", "Inspect and requeue dead letters."
    ),
    "nodes": _Entry("cli.cluster.nodes:nodes", "List, approve, cordon and drain workers."),
    "schedules": _Entry("cli.schedules.command:schedules", "Manage scheduled jobs."),
    "webhooks": _Entry("cli.webhooks.command:webhooks", "Manage and receive webhooks."),
    "users": _Entry("cli.cluster.users:users", "Manage users and passwords."),
    "roles": _Entry("cli.cluster.users:roles", "Manage roles."),
    "sessions": _Entry("cli.cluster.sessions:sessions", "List and end sign-ins."),
    "keys": _Entry("cli.cluster.keys:keys", "Manage API keys."),
    "secrets": _Entry("cli.cluster.secrets:secrets", "Manage stored secrets."),
}
_SERVICES = {
    "demo": _Entry("cli.demo.command:demo", "Run an example job and exit."),
    "dev": _Entry("cli.service:dev", "Run all services in one process."),
    "coordinator": _Entry("cli.service:coordinator", "Run a coordinator (HTTP API, jobs)."),
    "scheduler": _Entry(
        "cli.service:scheduler", "Run a scheduler (retries, time-outs, schedules)."
    ),
    "worker": _Entry("cli.service:worker", "Run a worker (tasks)."),
    "webhook-dispatcher": _Entry("cli.service:webhook_dispatcher", "Run a webhook dispatcher."),
    "migrate": _Entry("cli.migrate:migrate", "Migrate the Postgres schema."),
    "settings": _Entry("cli.settings:settings", "Print all settings as Markdown."),
    "metrics": _Entry("cli.metrics:metrics", "Print all metrics as Markdown."),
}
_OTHER = {
    "completion": _Entry("cli.completion:completion", "Print the shell completion script."),
    "version": _Entry("cli.version:version", "Print the version."),
}
_SECTIONS = {"Jobs": _JOBS, "Cluster": _CLUSTER, "Services": _SERVICES, "Other": _OTHER}
_COMMANDS = _JOBS | _CLUSTER | _SERVICES | _OTHER


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

    Job and cluster commands call the HTTP API at CONVEYOR_URL (http://127.0.0.1:8000) with the key
    in CONVEYOR_API_KEY or the login in CONVEYOR_USER and CONVEYOR_PASSWORD. Exit codes: 0 success,
    1 failure, 2 invalid command line, 3 the API is not reachable or rejected the request.

    Services read their settings from CONVEYOR_... variables and an optional TOML file; `conveyor
    settings` lists them.
    """


def main() -> None:
    if sys.stdin is None:  # closed: it reads as empty
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - until the process ends
    sys.exit(conveyor(prog_name="conveyor"))
