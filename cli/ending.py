"""How a command ends when it can't do its work: one clear text, and an exit code."""

import sys
from typing import NoReturn, TypeVar

import click

from shared.process.settings.loading import Settings, SettingsError, load

EXIT_FAILED = 1
"""It was done, and the outcome is bad: a job failed, a file is not valid."""
EXIT_USAGE = 2
"""The command line, a file or a setting is wrong: nothing was started."""
EXIT_API = 3
"""The API can't be reached, or refused the request."""
EXIT_INTERRUPTED = 130
"""Ctrl-C: what a shell says of a process that SIGINT ended."""

S = TypeVar("S", bound=Settings)


def fail(reason: str, exit_code: int = EXIT_FAILED) -> NoReturn:
    click.secho(f"conveyor: {reason}", err=True, fg="red")
    sys.exit(exit_code)


def settings_or_exit(settings_class: type[S]) -> S:
    """The settings; ends the process with a line for each that is wrong."""
    try:
        return load(settings_class)
    except SettingsError as error:
        fail(str(error), EXIT_USAGE)
