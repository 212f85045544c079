"""`conveyor coordinator`, `scheduler`, `worker`, `webhook-dispatcher`: one service each."""

import sys
from importlib import import_module

import click


def _service_command(name: str, help_text: str) -> click.Command:
    package = name.replace("-", "_")

    @click.command(name=name, help=f"{help_text}\n\n{_ENDING}")
    def command() -> None:
        # Imported here: each service pulls in libraries that the others don't need.
        sys.exit(import_module(f"services.{package}.__main__").main())

    return command


_ENDING = (
    "Settings come from CONVEYOR_... variables and the TOML file that CONVEYOR_CONFIG names; "
    "`conveyor settings` lists them. SIGTERM or Ctrl-C stops it once what runs is finished; a "
    "second one makes it hurry. Exit code 2 means a setting is wrong and nothing was started."
)

coordinator = _service_command(
    "coordinator",
    "Run a coordinator: it serves the HTTP API, stores jobs and moves them on.",
)
scheduler = _service_command(
    "scheduler",
    "Run a scheduler: it sees to retries, time-outs, lost workers and retention.",
)
worker = _service_command(
    "worker",
    "Run a worker: it takes tasks from its queues and runs them in containers or a shell.",
)
webhook_dispatcher = _service_command(
    "webhook-dispatcher",
    "Run a webhook dispatcher: it posts state changes to the jobs' webhooks.",
)
