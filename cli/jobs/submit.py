"""`conveyor submit` and `run-again`: submit a job, and follow it if asked to."""

import asyncio
import re
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial, reduce
from typing import IO, Self

import click
from rich.text import Text

from cli.api_command import ask, asks_api, json_option
from cli.exit_codes import EXIT_API, EXIT_FAILED, EXIT_USAGE, fail
from cli.follow.live import follow, job_of
from cli.follow.patience import submit_with_retry
from cli.follow.picture import Picture
from cli.jobs.job_file import (
    JobFile,
    JobFileError,
    explain_refusal,
    explain_warnings,
    parse_inputs,
    parse_secrets,
)
from cli.jobs.uploads import file_option, parse_files, upload
from cli.jobs.viewers import job_viewer
from cli.messages import now, one_line, took
from cli.references import SHORT, job_id
from cli.tables import print_json, screen, style_of
from cli.views import FINAL_JOB_STATES, Json
from conveyor import AsyncClient, Content, Rejected, Server


def _visible(_: click.Context, __: click.Parameter, key: str | None) -> str | None:
    if key is not None and not re.fullmatch("[!-~]{1,255}", key):
        raise click.BadParameter(
            f"{key!r} is not allowed: it must be 1 to 255 visible ASCII characters"
        )
    return key


@dataclass(frozen=True, slots=True)
class _Output:
    """Whether to wait for the end of the job, and what to print of it."""

    waits: bool
    with_log: bool
    as_json: bool

    @classmethod
    def of(cls, *, waits: bool, follows: bool, as_json: bool) -> Self:
        if follows and as_json:
            raise click.UsageError("--json and --follow cannot be combined; --json and --wait can")
        return cls(waits=waits or follows, with_log=follows, as_json=as_json)


_OPTIONS = (
    click.option(
        "--wait", "waits", is_flag=True, help="Show the progress and wait for the end of the job."
    ),
    click.option("--follow", "follows", is_flag=True, help="Like --wait, and stream the log."),
    click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="NAME=VALUE",
        help="Set an input. The value is a text, or a JSON list or mapping. Repeatable.",
    ),
    click.option(
        "--secret",
        "secrets",
        multiple=True,
        metavar="NAME=VALUE",
        help="Set a secret: NAME=VALUE, NAME=@FILE, or NAME to read the environment. Repeatable.",
    ),
    file_option,
)


def _submission_options(command: Callable[..., None]) -> Callable[..., None]:
    return reduce(lambda made, option: option(made), reversed(_OPTIONS), command)


@click.command()
@click.argument("file", type=click.File("rb"))
@_submission_options
@click.option(
    "--idempotency-key",
    metavar="KEY",
    callback=_visible,
    help="Submitting again with the same key returns the same job. Kept for a day.",
)
@click.option("--strict", is_flag=True, help="Refuse the job if there are warnings.")
@json_option
@asks_api
def submit(
    server: Server,
    file: IO[bytes],
    inputs: tuple[str, ...],
    secrets: tuple[str, ...],
    files: tuple[str, ...],
    idempotency_key: str | None,
    *,
    strict: bool,
    **flags: bool,
) -> None:
    """Submit the job in FILE (YAML or JSON; - is standard input).

    Prints the id of the job or, with --wait or --follow, its result. Progress goes to standard
    error, so $(conveyor submit --wait FILE) is the result only.

    \b
    Exit codes:
      0    the job was submitted; with --wait or --follow, it completed
      1    with --wait or --follow: the job failed or was cancelled
      2    the command line or the file is invalid
      3    the API is not reachable or rejected the job
      130  Ctrl-C; the job continues
    """
    wanted = _Output.of(**flags)
    additions = {"inputs": parse_inputs(inputs), "secrets": parse_secrets(secrets)}
    to_send = parse_files(files)
    job_file = JobFile.read(file)
    try:
        body = job_file.body_with(additions)
    except JobFileError as error:
        fail(str(error), EXIT_USAGE)
    _refuse_unknown_inputs(job_file, body, additions["inputs"])
    if to_send:
        body = job_file.body_with({**additions, "uploads": upload(server, to_send)})
    given = _Submission(job_file, body, idempotency_key, is_strict=strict)
    sys.exit(ask(server, lambda api: _submit(api, given, wanted)))


@click.command(name="run-again")
@click.argument("job")
@_submission_options
@json_option
@asks_api
def run_again(
    server: Server,
    job: str,
    inputs: tuple[str, ...],
    secrets: tuple[str, ...],
    files: tuple[str, ...],
    **flags: bool,
) -> None:
    """Submit JOB once more: the same tasks, inputs and secrets, as far as no option changes them.

    JOB is an id, the beginning of an id, or a name. Output and exit codes are those of submit.
    """
    wanted = _Output.of(**flags)
    changes = {"inputs": parse_inputs(inputs), "secrets": parse_secrets(secrets)}
    if uploads := upload(server, parse_files(files)):
        changes["uploads"] = uploads
    sys.exit(ask(server, lambda api: _run_again(api, job, changes, wanted)))


async def _run_again(api: AsyncClient, job: str, changes: Json, output: _Output) -> int:
    id_ = await job_id(api, job)

    async def post(key: str) -> Json:
        path = "/jobs/{id}/run-again"
        return dict(
            await api.request(
                "POST", path, body=changes, idempotency_key=key, may_wait=True, id=id_
            )
        )

    new = await submit_with_retry(post)
    return await _to_the_end(api, new, output)


def _refuse_unknown_inputs(file: JobFile, body: Content, given: Collection[str]) -> None:
    for name, meant in file.unknown_inputs(body, given).items():
        guess = f", did you mean {meant!r}?" if meant else " and no expression reads it"
        fail(f"--input {name}: {file.name} has no such input{guess}", EXIT_USAGE)


@dataclass(frozen=True, slots=True)
class _Submission:
    """What is posted of a file."""

    file: JobFile
    body: Content
    key: str | None
    is_strict: bool

    @property
    def is_edited(self) -> bool:
        return self.body.data != self.file.content

    async def post(self, api: AsyncClient, key: str) -> Json:
        query = {"strict": self.is_strict}
        return dict(
            await api.request(
                "POST", "/jobs", body=self.body, query=query, idempotency_key=key, may_wait=True
            )
        )


async def _submit(api: AsyncClient, given: _Submission, output: _Output) -> int:
    """The exit code."""
    try:
        job = await submit_with_retry(partial(given.post, api), given.key)
    except Rejected as error:
        if not error.errors:
            raise
        explain_refusal(given.file, error, is_edited=given.is_edited)
        return EXIT_API
    if not output.as_json:
        explain_warnings(given.file, job, is_edited=given.is_edited)
    return await _to_the_end(api, job, output)


async def _to_the_end(api: AsyncClient, job: Json, output: _Output) -> int:
    """The exit code, once the job has ended if that is wanted."""
    if job["state"] not in FINAL_JOB_STATES:  # else: it asked the API to wait
        if not output.waits:
            _show_submitted(job, output)
            return 0
        _print(f"submitted {one_line(job['name'])}: {job['id']}")
        job = await _watch(api, job["id"], output)
    _show_end(job, output)
    return 0 if job["state"] == "COMPLETED" else EXIT_FAILED


async def _watch(api: AsyncClient, id_: str, output: _Output) -> Json:
    """The final job."""
    try:
        picture = Picture.of(await job_of(api, id_))
        consoles = screen(to_stderr=True), screen()
        with job_viewer(picture, *consoles, with_log=output.with_log) as viewer:
            await follow(api, picture, viewer, with_log=output.with_log)
        return dict(await api.request("GET", "/jobs/{id}", id=id_))
    except asyncio.CancelledError:  # Ctrl-C
        _print(f"the job continues. To stop it: conveyor cancel {id_[:SHORT]}")
        raise


def _show_submitted(job: Json, output: _Output) -> None:
    if output.as_json:
        print_json(job)
        return
    short = job["id"][:SHORT]
    _print(
        f"submitted {one_line(job['name'])}: conveyor get {short}, logs -f {short}, cancel {short}"
    )
    click.echo(job["id"])


def _show_end(job: Json, output: _Output) -> None:
    state = job["state"]
    started = job.get("runStartedAt") or job.get("startedAt")
    lasted = took(started, job.get("completedAt") or job.get("failedAt"), now())
    text = Text.assemble(
        f"{one_line(job['name'])} ",
        (state.lower(), style_of(state)),
        f" after {lasted}" if lasted else "",
        f": {job['error']}" if job.get("error") else "",
    )
    screen(to_stderr=True).print(text, soft_wrap=True)
    if state != "COMPLETED":
        short = job["id"][:SHORT]
        _print(f"  conveyor get {short}        show its tasks")
        _print(f"  conveyor restart {short}    continue it")
        _print(f"  conveyor run-again {short}  submit it once more")
    if output.as_json:
        print_json(job)
    elif job.get("result"):
        click.echo(job["result"])


def _print(text: str) -> None:
    click.echo(text, err=True)
