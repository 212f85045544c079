"""`conveyor validate`: checks job files without a server."""

import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import IO

import click

from cli.exit_codes import EXIT_FAILED
from cli.jobs.bacalhau_file import Templates, checked, is_bacalhau, template_options
from cli.jobs.job_file import JobFile, print_problem, print_warning
from cli.jobs.uploads import parse_files
from cli.tables import print_json
from shared.jobspec.problems import InvalidJob, Problem
from shared.jobspec.tork.models import SubmittedJob
from shared.jobspec.tork.parsing import parse_job, parse_scheduled_job, parse_template


@click.command()
@click.argument("files", type=click.File("rb"), nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--file",
    "uploads",
    multiple=True,
    metavar="NAME=PATH",
    help="A file that will be sent with the job, as submit has it. Repeatable.",
)
@click.option("--strict", is_flag=True, help="A warning is an error.")
@template_options
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def validate(
    files: Sequence[IO[bytes]],
    uploads: Sequence[str],
    pairs: Sequence[str],
    pattern: str | None,
    **flags: bool,
) -> None:
    """Validate job files (- is standard input) without a server, and list all problems.

    A file with a `schedule` is validated as a scheduled job, one with a `template` as a stored job.
    Warnings tell what works, but was
    hardly meant. A server can reject more, such as an unknown role or a mount that is not allowed
    there. Exit code 1: a file is not valid.
    """
    sent = parse_files(uploads)
    templates = Templates.of(pairs, pattern, is_plain=flags["is_plain"])
    found = [
        _checked(file, sent, templates, strict=flags["strict"]) for file in map(JobFile.read, files)
    ]
    if flags["as_json"]:
        print_json([_as_json(each) for each in found])
    else:
        for each in found:
            _print(each)
    sys.exit(EXIT_FAILED if any(each.problems for each in found) else 0)


@dataclass(frozen=True, slots=True)
class _Checked:
    name: str
    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()


def _checked(
    file: JobFile, sent: Collection[str], templates: Templates, *, strict: bool
) -> _Checked:
    found = (
        _checked_bacalhau(file, templates) if is_bacalhau(file) else _checked_as(parse_job, file)
    )
    if any(problem.field == "schedule" for problem in found.problems):
        found = _checked_as(parse_scheduled_job, file)
    elif any(problem.field == "template" for problem in found.problems):
        found = _checked_as(parse_template, file)
    missing = [f'"{name}"' for name in sent]
    found = replace(
        found,
        problems=[
            problem
            for problem in found.problems
            if not (problem.field.endswith(".upload") and problem.value in missing)
        ],
    )
    return (
        replace(found, problems=[*found.problems, *found.warnings], warnings=())
        if strict
        else found
    )


def _checked_bacalhau(file: JobFile, templates: Templates) -> _Checked:
    try:
        return _Checked(file.name, warnings=checked(file, templates).warnings)
    except InvalidJob as error:  # as below
        return _Checked(file.name, error.problems)


def _checked_as(parse: Callable[[bytes, str], SubmittedJob], file: JobFile) -> _Checked:
    try:
        return _Checked(file.name, warnings=parse(file.content, file.content_type).warnings)
    except InvalidJob as error:  # what the command is there to find
        return _Checked(file.name, error.problems)


def _print(found: _Checked) -> None:
    if not found.problems:
        click.echo(f"{found.name}: {click.style('valid', fg='green')}")
    for problem in found.problems:
        print_problem(found.name, problem, err=False)
    for warning in found.warnings:
        print_warning(found.name, warning, err=False)


def _as_json(found: _Checked) -> dict[str, object]:
    return {
        "file": found.name,
        "valid": not found.problems,
        "problems": [_fields(problem, "rule") for problem in found.problems],
        "warnings": [_fields(warning, "message") for warning in found.warnings],
    }


def _fields(problem: Problem, rule: str) -> dict[str, object]:
    names = ("field", "value", "line", "column")
    return {rule: problem.rule, **{name: getattr(problem, name) for name in names}}
