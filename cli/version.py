"""`conveyor version`."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

import click


@click.command()
def version() -> None:
    """Print the version."""
    try:
        click.echo(f"conveyor {installed_version('conveyor')}")
    except PackageNotFoundError:  # run from a tree that isn't installed
        click.echo("conveyor (not installed)")
