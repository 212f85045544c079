"""`conveyor submit` and `run-again`: submit a job, and follow it if asked to."""

import re
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from typing import IO, Any

import click

from cli.api_command import ask, asks_api, json_option
from cli.exit_codes import EXIT_API, EXIT_USAGE, fail
from cli.follow.patience import submit_with_retry
from cli.jobs.bacalhau import Options, submission_options, submit_bacalhau
from cli.jobs.bacalhau_file import is_bacalhau
from cli.jobs.job_file import (
    Additions,
    JobFile,
    JobFileError,
    explain_refusal,
    explain_warnings,
    parse_inputs,
    parse_secrets,
)
from cli.jobs.outcome import Output, to_the_end
from cli.jobs.uploads import file_option, parse_files, upload
from cli.messages import counted, one_line
from cli.references import job_id
from cli.tables import print_answer
from cli.views import Json
from conveyor import AsyncClient, Content, Rejected, Server
from conveyor.http import key_of


def _visible(_: click.Context, __: click.Parameter, key: str | None) -> str | None:
    if key is not None and not re.fullmatch("[!-~]{1,255}", key):
        raise click.BadParameter(
            f"{key!r} is not allowed: it must be 1 to 255 visible ASCII characters"
        )
    return key


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


def job_options(command: Callable[..., None]) -> Callable[..., None]:
    return reduce(lambda made, option: option(made), reversed(_OPTIONS), command)


def beginning_options(command: Callable[..., None]) -> Callable[..., None]:
    """Those that `beginning_in` takes."""
    start_at = click.option(
        "--start-at", metavar="TIME", help="Begin no earlier, such as 2026-06-01T12:00:00Z."
    )
    hold = click.option(
        "--hold", is_flag=True, help="Submit a draft, which begins with conveyor release."
    )
    return hold(start_at(command))


def beginning_in(options: dict[str, Any]) -> dict[str, bool | str]:
    """Takes out of options what says when a job begins, as fields of the job."""
    return {"hold": options.pop("hold"), "startAt": options.pop("start_at") or ""}


def refuse_to_wait(output: Output, beginning: Mapping[str, object]) -> None:
    """Raises UsageError."""
    if beginning["hold"] and output.waits:
        raise click.UsageError("--hold can't be used with --wait or --follow: it waits for release")


@click.command()
@click.argument("file", type=click.File("rb"))
@job_options
@click.option(
    "--idempotency-key",
    metavar="KEY",
    callback=_visible,
    help="Submitting again with the same key returns the same job. Kept for a day.",
)
@beginning_options
@click.option("--strict", is_flag=True, help="Refuse the job if there are warnings.")
@submission_options
@json_option
@asks_api
def submit(
    server: Server,
    file: IO[bytes],
    inputs: tuple[str, ...],
    secrets: tuple[str, ...],
    files: tuple[str, ...],
    idempotency_key: str | None,
    **options: Any,  # noqa: ANN401 - when it begins, those of Bacalhau's jobs, and of the output
) -> None:
    """Submit the job in FILE (YAML or JSON; - is standard input).

    Prints the id of the job or, with --wait or --follow, its result. Progress goes to standard
    error, so $(conveyor submit --wait FILE) is the result only.

    \b
    Exit codes:
      0    the job was submitted; with --wait or --follow, it completed
      1    with --wait or --follow: the job failed or was cancelled
      2    the command line is invalid
      3    the API is not reachable or rejected the job
      130  Ctrl-C; the job continues
    """
    beginning = beginning_in(options)
    given = Options.taken(options, idempotency_key)
    wanted = given.output
    job_file = JobFile.read(file)
    if is_bacalhau(job_file):
        if inputs or secrets or files or any(beginning.values()):
            names = "--input, --secret, --file, --hold and --start-at"
            raise click.UsageError(f"{names} are not for Bacalhau jobs")
        sys.exit(submit_bacalhau(server, job_file, given))
    given.refuse_for(job_file)
    refuse_to_wait(wanted, beginning)
    given_inputs = parse_inputs(inputs)
    additions: Additions = {
        "inputs": given_inputs,
        "secrets": parse_secrets(secrets),
        **beginning,
    }
    to_send = parse_files(files)
    try:
        body = job_file.body_with(additions)
    except JobFileError as error:
        fail(str(error), EXIT_USAGE)
    _refuse_unknown_inputs(job_file, body, given_inputs)
    if to_send and given.is_dry:
        raise click.UsageError("--dry-run sends nothing: --file can't be checked with it")
    if to_send:
        body = job_file.body_with({**additions, "uploads": upload(server, to_send)})
    submission = _Submission(job_file, body, idempotency_key, is_strict=given.is_strict)
    send = _dry_run if given.is_dry else _submit
    sys.exit(ask(server, lambda api: send(api, submission, wanted)))


@click.command(name="run-again")
@click.argument("job")
@job_options
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
    wanted = Output.of(**flags)
    changes = {"inputs": parse_inputs(inputs), "secrets": parse_secrets(secrets)}
    if uploads := upload(server, parse_files(files)):
        changes["uploads"] = uploads
    sys.exit(ask(server, lambda api: _run_again(api, job, changes, wanted)))


async def _run_again(api: AsyncClient, job: str, changes: Json, output: Output) -> int:
    id_ = await job_id(api, job)

    async def post(key: str) -> Json:
        path = "/jobs/{id}/run-again"
        return dict(
            await api.request(
                "POST", path, body=changes, idempotency_key=key, may_wait=True, id=id_
            )
        )

    new = await submit_with_retry(post)
    return await to_the_end(api, new, output)


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
        """A job with a `submitId` has its key."""
        query = {"strict": self.is_strict}
        once = key if self.key or key_of(self.body) else None
        return dict(
            await api.request(
                "POST", "/jobs", body=self.body, query=query, idempotency_key=once, may_wait=True
            )
        )


async def _submit(api: AsyncClient, given: _Submission, output: Output) -> int:
    """The exit code."""
    job = await _accepted(submit_with_retry(partial(given.post, api), given.key), given, output)
    return EXIT_API if job is None else await to_the_end(api, job, output)


async def _dry_run(api: AsyncClient, given: _Submission, output: Output) -> int:
    """The exit code."""
    query = {"strict": given.is_strict, "dryRun": True}
    asking = api.request("POST", "/jobs", body=given.body, query=query)
    job = await _accepted(asking, given, output)
    if job is None:
        return EXIT_API
    tasks = counted(job["taskCount"], "task")
    text = f"{given.file.name}: valid, {one_line(job['name'])} would be submitted with {tasks}"
    print_answer(job, text, as_json=output.as_json)
    return 0


async def _accepted(answering: Awaitable[Json], given: _Submission, output: Output) -> Json | None:
    """None where rules are broken, which is told; so are warnings."""
    try:
        job = await answering
    except Rejected as error:
        if not error.errors:
            raise
        explain_refusal(given.file, error, is_edited=given.is_edited)
        return None
    if not output.as_json:
        explain_warnings(given.file, job, is_edited=given.is_edited)
    return job
