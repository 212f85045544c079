"""`conveyor validate`: checks job files without a server."""

import sys
from collections.abc import Callable, Sequence
from typing import IO

import click

from cli.exit_codes import EXIT_FAILED
from cli.jobs.job_file import JobFile, print_problem
from cli.tables import print_json
from shared.jobspec.problems import InvalidJob, Problem
from shared.jobspec.tork.parsing import parse_job, parse_scheduled_job


@click.command()
@click.argument("files", type=click.File("rb"), nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def validate(files: Sequence[IO[bytes]], as_json: bool) -> None:
    """Validate job files (- is standard input) without a server, and list all problems.

    A file with a `schedule` is validated as a scheduled job. A server can reject more, such as an
    unknown role or a mount that is not allowed there. Exit code 1: a file is not valid.
    """
    found = [(file.name, _problems(file)) for file in map(JobFile.read, files)]
    if as_json:
        print_json([_as_json(name, problems) for name, problems in found])
    else:
        for name, problems in found:
            _print(name, problems)
    sys.exit(EXIT_FAILED if any(problems for _, problems in found) else 0)


def _problems(file: JobFile) -> Sequence[Problem]:
    found = _problems_as(parse_job, file)
    is_scheduled = any(problem.field == "schedule" for problem in found)
    return _problems_as(parse_scheduled_job, file) if is_scheduled else found


def _problems_as(parse: Callable[[bytes, str], object], file: JobFile) -> Sequence[Problem]:
    try:
        parse(file.content, file.content_type)
    except InvalidJob as error:  # what the command is there to find
        return error.problems
    return ()


def _print(name: str, problems: Sequence[Problem]) -> None:
    if not problems:
        click.echo(f"{name}: {click.style('valid', fg='green')}")
    for problem in problems:
        print_problem(name, problem, err=False)


def _as_json(name: str, problems: Sequence[Problem]) -> dict[str, object]:
    names = ("field", "value", "rule", "line", "column")
    shown = [{name: getattr(problem, name) for name in names} for problem in problems]
    return {"file": name, "valid": not problems, "problems": shown}
