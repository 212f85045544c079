"""`conveyor download`: what a job has kept, saved on this machine."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from cli.api_command import ask, asks_api
from cli.exit_codes import EXIT_FAILED, fail
from cli.jobs.merging import merge
from cli.references import SHORT, job_id
from cli.transfers import PATIENT, bars
from conveyor import AsyncClient, Server
from shared.jobspec.bacalhau import BUNDLE

if TYPE_CHECKING:
    from conveyor.models import KeptArtifact

_STDOUT = "-"


@click.command()
@click.argument("job")
@click.argument("path", required=False)
@click.option(
    "-o",
    "--output",
    metavar="PLACE",
    default=".",
    show_default=True,
    help="The directory to save in, or the new name; - is standard output: all as one tar.",
)
@click.option("--tar", "as_tar", is_flag=True, help="Save directories as tar files.")
@click.option(
    "--merge",
    "merges",
    is_flag=True,
    help="Save the results of all executions of a Bacalhau job as one directory.",
)
@asks_api
def download(
    server: Server, job: str, path: str | None, output: str, *, as_tar: bool, merges: bool
) -> None:
    """Save the files that the tasks of JOB and of its sub-jobs have kept, or only that at PATH.

    PATH is as `conveyor files` lists it. Without it, all are saved, each below the directory of its
    task. Nothing has its name before it is complete and verified; what was interrupted goes on
    when the command is repeated. Prints where each file is.
    """
    if merges and (path or as_tar or output == _STDOUT):
        raise click.UsageError("--merge is for all results, saved in a directory")
    id_ = ask(server, lambda api: job_id(api, job))
    try:
        if merges:
            target = Path(output if output != "." else f"job-{id_[:SHORT]}")
            ask(server, lambda api: _save_merged(api, id_, target), PATIENT)
        elif output == _STDOUT:
            ask(server, lambda api: _print(api, id_, path or ""), PATIENT)
        else:
            ask(server, lambda api: _save(api, id_, path, Path(output), unpack=not as_tar), PATIENT)
    except BrokenPipeError:  # whoever reads it has enough
        _leave_stdout()
    except OSError as error:
        fail(f"can't save {error.filename or output}: {error.strerror}", EXIT_FAILED)


async def _print(api: AsyncClient, id_: str, path: str) -> None:
    async with api.files.open(id_, path) as content:
        async for chunk in content:
            sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _leave_stdout() -> None:
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _save(api: AsyncClient, id_: str, path: str | None, place: Path, *, unpack: bool) -> None:
    found = [(path, place)] if path else await _all(api, id_, place)
    if not found:
        click.echo("no files", err=True)
    with bars() as bar:
        for name, target in found:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                saved = await api.files.download(
                    id_, name, target, unpack=unpack, progress=bar(name)
                )
            except asyncio.CancelledError:  # Ctrl-C
                click.echo("interrupted; the same command goes on with it", err=True)
                raise
            click.echo(saved)


async def _save_merged(api: AsyncClient, id_: str, place: Path) -> None:
    """Where it is interrupted nothing is merged, and it begins anew."""
    kept = {each.path: each async for each in api.files.list(id_)}
    found = {each.index or 0: path for path, each in kept.items() if each.name == BUNDLE}
    if not found:
        click.echo("no results", err=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=place.parent, prefix=".results-") as folder, bars() as bar:
        saved = {
            index: await api.files.download(id_, path, Path(folder, str(index)), progress=bar(path))
            for index, path in found.items()
        }
        merge(saved, place)
    click.echo(place)


async def _all(api: AsyncClient, id_: str, place: Path) -> Sequence[tuple[str, Path]]:
    """Each path once: it is that of the newest attempt."""
    kept = {each.path: each async for each in api.files.list(id_)}
    return [(path, _below(place, path, each)) for path, each in kept.items()]


def _below(place: Path, path: str, kept: "KeptArtifact") -> Path:
    """`<task>/<artifact>/<file>`, or the directory `<task>/<artifact>`, as in a tar of the job. No
    name of a task or a file leads out of `place`."""
    parts = [part for part in PurePosixPath(path).parts if part.strip("./")]
    is_directory = kept.files is not None
    file_name = [] if is_directory else [PurePosixPath(kept.file_name).name or "download"]
    return place.joinpath(*parts, *file_name)
