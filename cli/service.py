"""The commands that run a service: `coordinator`, `scheduler`, …, and `dev`, which runs all."""

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
    "Settings are read from CONVEYOR_... variables and the TOML file in CONVEYOR_CONFIG; `conveyor "
    "settings` lists them. SIGTERM or Ctrl-C drains the service and stops it; a second one aborts "
    "what still runs. Exit code 2: a setting is invalid and nothing was started."
)

coordinator = _service_command(
    "coordinator",
    "Run a coordinator, which serves the HTTP API, stores jobs and advances them.",
)
scheduler = _service_command(
    "scheduler",
    "Run a scheduler, which handles retries, time-outs, lost workers, schedules and retention.",
)
worker = _service_command(
    "worker",
    "Run a worker, which takes tasks from queues and runs them in containers or a shell.",
)
webhook_dispatcher = _service_command(
    "webhook-dispatcher",
    "Run a webhook dispatcher, which posts state changes to the webhooks of jobs.",
)


@click.command()
def dev() -> None:
    """Run all four services in this process, at http://127.0.0.1:8000 by default.

    Postgres is included; its data is in .conveyor/ (CONVEYOR_DEV_DATA_DIR). Tasks with an image run
    on the container engine of this machine, tasks without one in a shell. Ctrl-C stops it when the
    running tasks have finished; a second Ctrl-C returns them to their queues.
    """
    from services.dev.__main__ import main  # `--help` needs none of the services

    sys.exit(main())
