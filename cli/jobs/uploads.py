"""--file NAME=PATH: files of this machine that a job names in `upload` of a source."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from cli.api_command import ask
from cli.exit_codes import EXIT_USAGE, fail
from cli.jobs.job_file import by_name
from cli.transfers import PATIENT, bars
from conveyor import AsyncClient, Server

file_option = click.option(
    "--file",
    "files",
    multiple=True,
    metavar="NAME=PATH",
    help="Send a file: the upload NAME of the job. Repeatable.",
)


def parse_files(pairs: Iterable[str]) -> dict[str, Path]:
    """Raises click.BadParameter for what is no file, and for a name that is given twice."""
    return by_name(map(_parsed, pairs), "--file")


def _parsed(pair: str) -> tuple[str, Path]:
    name, equals, path = pair.partition("=")
    if not name or not equals or not path:
        raise click.BadParameter(f"{pair!r} must be like NAME=PATH", param_hint="--file")
    if not Path(path).is_file():
        rule = "does not exist or is not a file"
        if Path(path).is_dir():
            rule = "is a directory: send an archive (tar, tar.gz, zip) for a source with `extract`"
        raise click.BadParameter(f"{path} {rule}", param_hint="--file")
    return name, Path(path)


def upload(server: Server, files: Mapping[str, Path]) -> dict[str, str]:
    """Their ids by name. Ends the process where one can't be read or sent."""
    if not files:
        return {}
    try:
        return ask(server, lambda api: _upload(api, files), PATIENT)
    except OSError as error:
        fail(f"can't read {error.filename}: {error.strerror}", EXIT_USAGE)


async def _upload(api: AsyncClient, files: Mapping[str, Path]) -> dict[str, str]:
    with bars() as bar:
        return {
            name: (await api.uploads.create(path, progress=bar(path.name))).id
            for name, path in files.items()
        }
