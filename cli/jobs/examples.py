"""`conveyor examples`: the job files that are installed with the command."""

import click

from cli.tables import print_table
from shared.jobspec.templates import templates


@click.command()
@click.argument("name", required=False, type=click.Choice(list(templates())), metavar="NAME")
def examples(name: str | None) -> None:
    """List example job files, or print the one called NAME.

    \b
    conveyor examples hello > hello.yaml
    conveyor examples hello | conveyor submit - --follow
    """
    if name:
        click.echo(templates()[name].text, nl=False)
    else:
        rows = [(each.name, each.shows) for each in templates().values()]
        print_table({"NAME": "whole", "SHOWS": "text"}, rows)
