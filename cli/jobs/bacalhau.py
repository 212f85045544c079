"""Submitting jobs of Bacalhau: through its API, followed by ours."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, Self, TypeVar

import click
import yaml

from cli.api_command import ask
from cli.exit_codes import EXIT_USAGE
from cli.follow.patience import submit_with_retry
from cli.jobs.bacalhau_file import Templates, checked, template_options
from cli.jobs.job_file import JobFile, print_problem, print_warning
from cli.jobs.outcome import Output, note, to_the_end
from cli.messages import one_line
from cli.references import SHORT, row_id
from cli.tables import print_json
from cli.views import FINAL_JOB_STATES, Json
from conveyor import AsyncClient, NotFound, Server, Unavailable
from shared.jobspec.bacalhau.models import KEPT_RUNNING
from shared.jobspec.bacalhau.parsing import Checked
from shared.jobspec.problems import InvalidJob

T = TypeVar("T")

JOBS = "/api/v1/orchestrator/jobs"
_DIFF = "/api/v1/orchestrator/jobs/diff"
_ONE = "/api/v1/orchestrator/jobs/{id}"
_POLL_SECONDS = 0.5


_OPTIONS = (
    click.option(
        "--dry-run",
        "is_dry",
        is_flag=True,
        help="Only check the job on the server; of a Bacalhau job, show what it would change.",
    ),
    click.option("--force", "forces", is_flag=True, help="Submit a Bacalhau job without changes."),
    click.option("--id-only", "only_id", is_flag=True, help="Print only the id of a Bacalhau job."),
)


def submission_options(command: Callable[..., T]) -> Callable[..., T]:
    """Adds `--dry-run`, and the options that are for Bacalhau jobs alone."""
    return template_options(reduce(lambda made, option: option(made), reversed(_OPTIONS), command))


@dataclass(frozen=True, slots=True)
class Options:
    """Of a submission. `is_dry`: nothing is submitted. `forces` also what is as it was."""

    output: Output
    templates: Templates
    is_dry: bool = False
    forces: bool = False
    only_id: bool = False
    is_strict: bool = False
    key: str | None = None

    @classmethod
    def taken(cls, options: dict[str, Any], key: str | None) -> Self:
        """`options` as the command has them. Raises click.UsageError."""
        output = Output.of(**{name: options[name] for name in ("waits", "follows", "as_json")})
        names = ("is_dry", "forces", "only_id")
        return cls(
            output,
            Templates.of(options["pairs"], options["pattern"], is_plain=options["is_plain"]),
            is_strict=options["strict"],
            key=key,
            **{name: options[name] for name in names},
        )

    def refuse_for(self, file: JobFile) -> None:
        """`file` is no job of Bacalhau."""
        if self.templates.are_given or self.forces or self.only_id:
            raise click.UsageError(
                f"{file.name} is no Bacalhau job: only those take --template-vars, "
                "--template-envs, --no-template, --force and --id-only"
            )


def submit_bacalhau(server: Server, file: JobFile, wanted: Options) -> int:
    """The exit code."""
    try:
        job = checked(file, wanted.templates)
    except InvalidJob as error:  # its author can mend it
        for problem in error.problems:
            print_problem(file.name, problem)
        sys.exit(EXIT_USAGE)
    if not wanted.only_id and not wanted.output.as_json:
        for warning in job.warnings:
            print_warning(file.name, warning)
    if wanted.is_strict and job.warnings:
        note("there are warnings, and --strict refuses them: nothing was submitted")
        return EXIT_USAGE
    if wanted.is_dry:
        return ask(server, lambda api: _compare(api, job))
    return ask(server, lambda api: _submit(api, job, wanted))


async def _compare(api: AsyncClient, job: Checked) -> int:
    """Shows the job, and what a submission would change of the one there is."""
    shown = job.job.shown()
    click.echo(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True), nl=False)
    if not job.job.name:
        note("dry run: a new job would be created")
        return 0
    try:
        answer = await api.request("PUT", _DIFF, body={"Job": shown})
    except NotFound:
        note(f"dry run: the new job {one_line(job.job.name)} would be created")
    except Unavailable as error:
        note(f"dry run: not compared with what there is: {error}")
    else:
        difference = str(answer.get("Diff") or "").rstrip()
        note(f"dry run: this would change\n{difference}" if difference else "dry run: no changes")
    return 0


async def _submit(api: AsyncClient, job: Checked, wanted: Options) -> int:
    body = {"Job": job.job.shown(), "Force": wanted.forces}

    async def put(key: str) -> Json:
        return dict(
            await api.request(
                "PUT", JOBS, body=body, query={"idempotency_token": key}, idempotency_key=key
            )
        )

    answer = await submit_with_retry(put, wanted.key)
    id_ = str(answer["JobID"])
    told = {warning.rule for warning in job.warnings}
    for warning in answer.get("Warnings") or ():
        if warning not in told and not wanted.output.as_json:
            note(click.style(f"warning: {warning}", fg="yellow"))
    if wanted.output.waits:
        if wanted.only_id:
            click.echo(id_)
        return await ended_or_running(api, id_, wanted.output)
    if wanted.output.as_json:
        print_json(answer)
        return 0
    if not wanted.only_id:
        note(submitted_line(one_line(job.job.name or id_), id_))
    click.echo(id_)
    return 0


def submitted_line(what: str, id_: str) -> str:
    short = id_[: len("j-") + SHORT]
    return f"submitted {what}: conveyor get {short}, logs -f {short}, cancel {short}"


async def ended_or_running(api: AsyncClient, id_: str, output: Output) -> int:
    """The exit code, once the job has ended or, of one that is kept running and whose log is not
    wanted, once it runs."""
    shown = await api.request("GET", _ONE, id=id_)
    is_kept = shown["Job"]["Type"] in KEPT_RUNNING
    path = "/jobs/{id}"
    now: Json = await api.request("GET", path, id=row_id(id_))
    while is_kept and not output.with_log and now["state"] not in FINAL_JOB_STATES:
        if _runs(now):
            note(f"{one_line(now['name'])} runs: conveyor logs -f {id_[: len('j-') + SHORT]}")
            return 0
        await asyncio.sleep(_POLL_SECONDS)
        now = await api.request("GET", path, id=row_id(id_))
    since = await _since(api, id_) if shown["Job"].get("Version", 1) > 1 else ""
    return await to_the_end(api, now, output, since)


async def _since(api: AsyncClient, id_: str) -> str:
    """When the version that runs was submitted."""
    versions: Any = await api.request("GET", "/jobs/{id}/versions", id=row_id(id_))
    return max(str(version["createdAt"]) for version in versions)


def _runs(job: Json) -> bool:
    tasks: list[dict[str, Any]] = job.get("execution") or []
    return any(task.get("parentId") and task["state"] == "RUNNING" for task in tasks)
