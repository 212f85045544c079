"""`conveyor examples`: the job files that are installed with the command."""

from pathlib import Path

import click

from cli.tables import print_table

EXAMPLES = (Path(__file__).parents[1] / "examples").resolve()
_NAMES = sorted(path.stem for path in EXAMPLES.glob("*.yaml"))


@click.command()
@click.argument("name", required=False, type=click.Choice(_NAMES), metavar="NAME")
def examples(name: str | None) -> None:
    """List example job files, or print the one called NAME.

    \b
    conveyor examples hello > hello.yaml
    conveyor examples hello | conveyor submit - --follow
    """
    if name:
        click.echo(_text(name), nl=False)
    else:
        print_table({"NAME": "whole", "SHOWS": "text"}, [(each, _shows(each)) for each in _NAMES])


def _text(name: str) -> str:
    return (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")


def _shows(name: str) -> str:
    """The first sentence of the comment at the top of the file."""
    comment, _, _ = _text(name).partition("# yaml-language-server")
    sentence, _, _ = comment.replace("\n#", "").removeprefix("# ").partition(". ")
    return sentence.strip().removesuffix(".")
