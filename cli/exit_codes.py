"""The exit codes, and how a command fails: one message and an exit code."""

import sys
from typing import NoReturn

import click

EXIT_FAILED = 1
"""The command ran and the outcome is bad: a job failed, a file is not valid."""
EXIT_USAGE = 2
"""The command line, a file or a setting is invalid: nothing was started."""
EXIT_API = 3
"""The API is not reachable, or rejected the request."""
EXIT_INTERRUPTED = 130
"""Ctrl-C: what a shell says of a process that SIGINT ended."""


def fail(reason: str, exit_code: int = EXIT_FAILED) -> NoReturn:
    click.secho(f"conveyor: {reason}", err=True, fg="red")
    sys.exit(exit_code)
