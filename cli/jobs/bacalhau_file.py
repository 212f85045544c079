"""Job files of Bacalhau: known by their form, templates until their variables are given."""

import csv
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import reduce
from typing import Self, TypeVar

import click

from cli.go_template import TemplateError, render
from cli.jobs.job_file import JobFile
from shared.jobspec.bacalhau.normal import TypeDefaults
from shared.jobspec.bacalhau.parsing import Checked, parse_job
from shared.jobspec.problems import InvalidJob, Problem

T = TypeVar("T")

_TASKS = re.compile(r"""^["']?Tasks["']?\s*:""", re.MULTILINE)
_OUR_TASKS = re.compile(r"""^["']?tasks["']?\s*:""", re.MULTILINE)
_TYPE = re.compile(r"""^["']?type["']?\s*:""", re.MULTILINE | re.IGNORECASE)
_IN_JSON = re.compile(r"""\s*\{.*"(?:Tasks|Type)"\s*:""", re.DOTALL)
_OURS_IN_JSON = re.compile(r'"tasks"\s*:')
_WILD = re.compile(r"[A-Za-z0-9_*]+")
_AS_SUBMITTED = dict.fromkeys(
    ("batch", "ops", "service", "daemon"), TypeDefaults(cpu="", memory="")
)
"""What a job doesn't say is for the server."""

_MOST_PROBLEMS = 100

_OPTIONS = (
    click.option(
        "-V",
        "--template-vars",
        "pairs",
        multiple=True,
        metavar="NAME=VALUE",
        help="Set a variable of a Bacalhau job file. Repeatable, or as a list: a=1,b=2.",
    ),
    click.option(
        "-E",
        "--template-envs",
        "pattern",
        metavar="PATTERN",
        help="Set variables of a Bacalhau job file from those of the environment whose names match "
        "PATTERN, a regular expression or such as AWS_*.",
    ),
    click.option(
        "--no-template",
        "is_plain",
        is_flag=True,
        help="Take a Bacalhau job file as it stands: {{ }} is text.",
    ),
)


def template_options(command: Callable[..., T]) -> Callable[..., T]:
    """Adds the options; `Templates.of` reads them."""
    return reduce(lambda made, option: option(made), reversed(_OPTIONS), command)


@dataclass(frozen=True, slots=True)
class Templates:
    """What is put for the placeholders of a file; `is_plain`: there are none."""

    variables: Mapping[str, str]
    is_plain: bool = False
    are_given: bool = False

    @classmethod
    def of(cls, pairs: Iterable[str], pattern: str | None, *, is_plain: bool) -> Self:
        """Raises click.BadParameter."""
        given = dict(pair for text in pairs for pair in _pairs(text))
        found = _from_environment(pattern) if pattern is not None else {}
        are_given = bool(given) or pattern is not None or is_plain
        return cls({**found, **given}, is_plain, are_given)


def _pairs(text: str) -> list[tuple[str, str]]:
    """One with all that is after its sign; where there are several signs, a line of CSV."""
    entries = [text] if text.count("=") == 1 else next(csv.reader([text], strict=True))
    pairs = [entry.partition("=") for entry in entries]
    if any(not name or not equals for name, equals, _ in pairs):
        raise click.BadParameter(
            f"{text!r} must be like name=value; a value with '=' and ',' in it needs quotes: "
            "'\"name=a=1,b\"'",
            param_hint="--template-vars",
        )
    return [(name.strip(), value) for name, _, value in pairs]


def _from_environment(pattern: str) -> dict[str, str]:
    """Whole names match, unless the pattern says itself where they begin or end."""
    is_wild = _WILD.fullmatch(pattern)
    try:
        found = re.compile(pattern.replace("*", ".*") if is_wild else pattern)
    except re.error as error:
        reason = f"{pattern!r} is no regular expression: {error}"
        raise click.BadParameter(reason, param_hint="--template-envs") from None
    has_ends = pattern.startswith("^") or pattern.endswith("$")
    matches = found.search if has_ends else found.fullmatch
    return {name: value for name, value in os.environ.items() if matches(name)}


def is_bacalhau(file: JobFile) -> bool:
    """Its form tells: before its variables are given it may be no YAML at all."""
    text = file.content.decode("utf-8-sig", errors="replace")
    if text.lstrip().startswith("{") and not text.lstrip().startswith("{{"):
        return bool(_IN_JSON.match(text)) and not _OURS_IN_JSON.search(text)
    if _OUR_TASKS.search(text):  # only a job of Bacalhau has a type: its names are of any case
        return bool(_TYPE.search(text))
    return bool(_TASKS.search(text))


def rendered(file: JobFile, templates: Templates) -> JobFile:
    """The file with its variables. Raises InvalidJob with the place of what is wrong."""
    if templates.is_plain:
        return file
    try:
        text = file.content.decode("utf-8-sig")
    except UnicodeDecodeError:  # for the parser to say
        return file
    variables, problems = dict(templates.variables), list[Problem]()
    for _ in range(_MOST_PROBLEMS):
        try:
            full = render(text, variables)
        except TemplateError as error:
            line, column = error.mark or (None, None)
            problems.append(Problem("", _reason(error, templates), line=line, column=column))
            if error.missing is None:
                break
            variables[error.missing] = ""  # for what else is missing
        else:
            if not problems:
                return replace(file, content=full.encode())
            break
    raise InvalidJob(problems)


def _reason(error: TemplateError, templates: Templates) -> str:
    if (name := error.missing) is None:
        return f"template: {error.reason} (--no-template takes the file as it stands)"
    near = get_close_matches(name, templates.variables, n=1)
    if near:
        return f"variable {name!r} is not given, did you mean {near[0]!r}?"
    from_environment = f", or -E {name}" if name in os.environ else ""
    return f"variable {name!r} is not given: set it with -V {name}=VALUE{from_environment}"


def checked(file: JobFile, templates: Templates) -> Checked:
    """The job in the file. Raises InvalidJob; lines are those of the file."""
    full = rendered(file, templates)
    keeps_lines = full.content.count(b"\n") == file.content.count(b"\n")
    try:
        found = parse_job(full.content, full.content_type, _AS_SUBMITTED)
    except InvalidJob as error:
        raise InvalidJob(_placed(error.problems, keeps_lines=keeps_lines)) from None
    return replace(found, warnings=_placed(found.warnings, keeps_lines=keeps_lines))


def _placed(problems: Iterable[Problem], *, keeps_lines: bool) -> list[Problem]:
    if keeps_lines:
        return list(problems)
    return [replace(problem, line=None, column=None) for problem in problems]
