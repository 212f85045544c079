"""How a command ends when it can't do its work: one clear text, and an exit code."""

import sys
from typing import NoReturn, TypeVar

import click

from shared.process.setting_errors import SettingsError
from shared.process.settings import Settings, load

EXIT_FAILED = 1
EXIT_USAGE = 2
"""The command line or a setting is wrong: nothing was started."""

S = TypeVar("S", bound=Settings)


def fail(reason: str, exit_code: int = EXIT_FAILED) -> NoReturn:
    click.echo(f"conveyor: {reason}", err=True)
    sys.exit(exit_code)


def settings_or_exit(settings_class: type[S]) -> S:
    """The settings; ends the process with a line for each that is wrong."""
    try:
        return load(settings_class)
    except SettingsError as error:
        fail(str(error), EXIT_USAGE)
