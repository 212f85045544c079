"""What a command that submits a job shows of it, and its exit code."""

import asyncio
from dataclasses import dataclass
from typing import Self

import click
from rich.text import Text

from cli.exit_codes import EXIT_FAILED
from cli.follow.live import follow, job_of
from cli.follow.picture import Picture
from cli.jobs.viewers import job_viewer
from cli.messages import now, one_line, took
from cli.references import SHORT
from cli.tables import print_json, screen, style_of
from cli.views import FINAL_JOB_STATES, Json
from conveyor import AsyncClient


@dataclass(frozen=True, slots=True)
class Output:
    """Whether to wait for the end of the job, and what to print of it."""

    waits: bool
    with_log: bool
    as_json: bool

    @classmethod
    def of(cls, *, waits: bool, follows: bool, as_json: bool) -> Self:
        if follows and as_json:
            raise click.UsageError("--json and --follow cannot be combined; --json and --wait can")
        return cls(waits=waits or follows, with_log=follows, as_json=as_json)


def note(text: str) -> None:
    click.echo(text, err=True)


async def to_the_end(api: AsyncClient, job: Json, output: Output, since: str = "") -> int:
    """The exit code, once the job has ended if that is wanted. What was before `since` is of an
    older version of the job, and isn't shown."""
    if job["state"] not in FINAL_JOB_STATES:  # else: it asked the API to wait
        if not output.waits:
            _show_submitted(job, output)
            return 0
        note(f"submitted {one_line(job['name'])}: {job['id']}")
        job = await _watch(api, job["id"], output, since)
    _show_end(job, output)
    return 0 if job["state"] == "COMPLETED" else EXIT_FAILED


async def _watch(api: AsyncClient, id_: str, output: Output, since: str) -> Json:
    """The final job."""
    try:
        picture = Picture.of(await job_of(api, id_))
        consoles = screen(to_stderr=True), screen()
        with job_viewer(picture, *consoles, with_log=output.with_log) as viewer:
            await follow(api, picture, viewer, with_log=output.with_log, since=since)
        return dict(await api.request("GET", "/jobs/{id}", id=id_))
    except asyncio.CancelledError:  # Ctrl-C
        note(f"the job continues. To stop it: conveyor cancel {id_[:SHORT]}")
        raise


def _show_submitted(job: Json, output: Output) -> None:
    if output.as_json:
        print_json(job)
        return
    short = job["id"][:SHORT]
    note(
        f"submitted {one_line(job['name'])}: conveyor get {short}, logs -f {short}, cancel {short}"
    )
    click.echo(job["id"])


def _show_end(job: Json, output: Output) -> None:
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
        note(f"  conveyor get {short}        show its tasks")
        note(f"  conveyor restart {short}    continue it")
        note(f"  conveyor run-again {short}  submit it once more")
    if output.as_json:
        print_json(job)
    elif job.get("result"):
        click.echo(job["result"])
