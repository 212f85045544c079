"""`conveyor submit`: hands a job in, and stays with it as long as it is told to."""

import asyncio
import re
import sys
from dataclasses import dataclass, replace
from typing import IO, Self

import click
from rich.text import Text

from cli.api.client import ApiClient
from cli.api.server import Server
from cli.api.session import Body, Json
from cli.api.views import FINAL_JOB_STATES, job_view
from cli.asking import ask, asks_api, json_option
from cli.ending import EXIT_FAILED, EXIT_USAGE, fail
from cli.follow.live import follow
from cli.follow.picture import Picture
from cli.jobs.handing_in import hand_in
from cli.jobs.job_file import JobFile, JobFileError, parse_inputs, parse_secrets
from cli.jobs.watching import watcher
from cli.tables import print_json, screen, style_of
from cli.wording import now, one_line, took


def _visible(_: click.Context, __: click.Parameter, key: str | None) -> str | None:
    if key is not None and not re.fullmatch("[!-~]{1,255}", key):
        raise click.BadParameter(
            f"{key!r} is not allowed: must be 1 to 255 visible ASCII characters"
        )
    return key


@dataclass(frozen=True, slots=True)
class _Manner:
    """How long to stay with the job, and what to print of it."""

    waits: bool
    with_log: bool
    as_json: bool

    @classmethod
    def of(cls, *, waits: bool, follows: bool, as_json: bool) -> Self:
        if follows and as_json:
            raise click.UsageError("--json and --follow can't be given together; --wait can")
        return cls(waits=waits or follows, with_log=follows, as_json=as_json)


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--wait", "waits", is_flag=True, help="Show its progress and wait for its end.")
@click.option("--follow", "follows", is_flag=True, help="--wait, and print its log as it comes.")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set an input; the value is JSON if it reads as that, else text. Repeatable.",
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a secret: NAME=VALUE, NAME=@FILE, or NAME to take it from the environment.",
)
@click.option(
    "--idempotency-key",
    metavar="KEY",
    callback=_visible,
    help="Submitted again with this key, the same file is the same job. Kept for a day.",
)
@json_option
@asks_api
def submit(
    server: Server,
    file: IO[bytes],
    inputs: tuple[str, ...],
    secrets: tuple[str, ...],
    idempotency_key: str | None,
    **manner: bool,
) -> None:
    """Submit the job in FILE (YAML or JSON; - is standard input).

    Prints the job's id; with --wait or --follow, the job's result once it has one. What is told
    meanwhile goes to standard error, so $(conveyor submit --wait FILE) is the result alone.

    Exit code with --wait or --follow: 0 the job completed, 1 it failed or was cancelled. Always:
    2 the command line or the file can't be used, 3 the API can't be reached or refuses the job,
    130 Ctrl-C; the job goes on then.
    """
    wanted = _Manner.of(**manner)
    additions = {"inputs": parse_inputs(inputs), "secrets": parse_secrets(secrets)}
    try:
        body = replace(JobFile.read(file).body_with(additions), idempotency_key=idempotency_key)
    except JobFileError as error:
        fail(str(error), EXIT_USAGE)
    sys.exit(ask(server, lambda api: _submit(api, body, wanted)))


async def _submit(api: ApiClient, body: Body, manner: _Manner) -> int:
    """The exit code."""
    job = await hand_in(api.submit, body)
    if job["state"] not in FINAL_JOB_STATES:  # else: it asked the API to wait
        if not manner.waits:
            _show_submitted(job, manner)
            return 0
        _tell(f"submitted {one_line(job['name'])}: {job['id']}")
        job = await _watch(api, job["id"], manner)
    _show_end(job, manner)
    return 0 if job["state"] == "COMPLETED" else EXIT_FAILED


async def _watch(api: ApiClient, job_id: str, manner: _Manner) -> Json:
    """The whole job in the end."""
    try:
        picture = Picture.of(job_view(await api.job(job_id)))
        with watcher(picture, with_log=manner.with_log) as viewer:
            await follow(api, picture, viewer)
        return await api.job(job_id)
    except asyncio.CancelledError:  # Ctrl-C
        _tell(f"the job goes on. To stop it: conveyor cancel {job_id}")
        raise


def _show_submitted(job: Json, manner: _Manner) -> None:
    if manner.as_json:
        print_json(job)
        return
    _tell(f"submitted {one_line(job['name'])}. Its id, for conveyor get, logs -f and cancel:")
    click.echo(job["id"])


def _show_end(job: Json, manner: _Manner) -> None:
    state = job["state"]
    lasted = took(job.get("startedAt"), job.get("completedAt") or job.get("failedAt"), now())
    text = Text.assemble(
        f"{one_line(job['name'])} ",
        (state.lower(), style_of(state)),
        f" after {lasted}" if lasted else "",
        f": {job['error']}" if job.get("error") else "",
    )
    screen(to_stderr=True).print(text, soft_wrap=True)
    if state != "COMPLETED":
        _tell(f"  conveyor get {job['id']}      shows its tasks")
        _tell(f"  conveyor restart {job['id']}  goes on with it")
    if manner.as_json:
        print_json(job)
    elif job.get("result"):
        click.echo(job["result"])


def _tell(text: str) -> None:
    click.echo(text, err=True)
