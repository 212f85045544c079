"""A job file as it is posted: as it stands, or with inputs and secrets of the command line.

YAML is changed on its nodes, never read into values: what isn't touched stays as it was spelled.
"""

import json
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any, Self, TypeVar

import click
import yaml

from cli.views import Json
from conveyor import Content, Rejected
from conveyor.http import JSON_TYPE, YAML_TYPE
from shared.jobspec.problems import InvalidJob, Problem
from shared.jobspec.tork.parsing import parse_job
from shared.jobspec.tork.scopes import inputs_read

Additions = Mapping[str, Mapping[str, Any] | bool | str]
"""Values by name, by the field of the job that takes them: `inputs`, `secrets`, `uploads`. Or the
value of a field."""

V = TypeVar("V")

_TEXT = "tag:yaml.org,2002:str"
_MAPPING = "tag:yaml.org,2002:map"
_NULL = "tag:yaml.org,2002:null"


class JobFileError(Exception):
    """Nothing can be added to this file; the text says why."""


@dataclass(frozen=True, slots=True)
class JobFile:
    name: str
    content: bytes

    @classmethod
    def read(cls, file: IO[bytes]) -> Self:
        name = getattr(file, "name", None)  # of standard input: a number, or none at all
        is_named = isinstance(name, str) and name != "<stdin>"
        return cls(str(name) if is_named else "standard input", file.read())

    @property
    def content_type(self) -> str:
        """By the name's ending; without one that says it, JSON is what reads as JSON."""
        suffix = Path(self.name).suffix
        if suffix in (".yaml", ".yml", ".json"):
            return JSON_TYPE if suffix == ".json" else YAML_TYPE
        try:
            json.loads(self.content)
        except (ValueError, RecursionError):  # most job files are YAML
            return YAML_TYPE
        return JSON_TYPE

    def body(self) -> Content:
        """As it stands, byte for byte."""
        return Content(self.content, self.content_type)

    def body_with(self, additions: Additions) -> Content:
        """Raises JobFileError. Whether it is a job at all is for the API to say."""
        wanted = {field: values for field, values in additions.items() if values}
        if not wanted:
            return self.body()
        added = _added_to_json if self.content_type == JSON_TYPE else _added_to_yaml
        try:
            text = added(self.content.decode("utf-8-sig"), wanted)
        except (ValueError, yaml.YAMLError) as error:  # the file's author can mend it
            raise JobFileError(f"{self.name}: {error}") from None
        except RecursionError:  # no job is nested that deep
            raise JobFileError(f"{self.name}: nested too deep") from None
        return Content(text.encode(), self.content_type)

    def unknown_inputs(self, body: Content, given: Collection[str]) -> dict[str, str | None]:
        """Those of the inputs `given` that neither the file sets nor an expression of the job in
        `body` reads, each with the name that may have been meant."""
        try:
            job = parse_job(body.data, body.type)
            declared = set(parse_job(self.content, self.content_type).inputs or ())
        except InvalidJob:  # for the API to say
            return {}
        read = inputs_read(job)
        known = declared | (read or set())
        unknown = [] if read is None else [name for name in given if name not in known]
        return {name: next(iter(get_close_matches(name, known, n=1)), None) for name in unknown}


def explain_warnings(file: JobFile, job: Json, *, is_edited: bool) -> None:
    """Prints the warnings of an answer to a submission. `is_edited` as in `explain_refusal`."""
    for warning in job.get("warnings", ()):
        print_warning(file.name, _problem(warning, "message", is_edited=is_edited))


def explain_refusal(file: JobFile, error: Rejected, *, is_edited: bool) -> None:
    """Prints what is wrong with a file, a line for each error. `is_edited`: what was sent has
    other lines than the file."""
    for broken in error.errors:
        problem = _problem(broken.raw, "rule", is_edited=is_edited)
        print_problem(file.name, problem)
        if problem.field == "schedule" and "scheduled jobs" in problem.rule:
            click.echo(f"to create it: conveyor schedules create {file.name}", err=True)
        if problem.field == "template" and "stored jobs" in problem.rule:
            click.echo(f"to store it: conveyor templates push {file.name}", err=True)


def _problem(fields: Json, rule: str, *, is_edited: bool) -> Problem:
    line, column = (None, None) if is_edited else (fields.get("line"), fields.get("column"))
    return Problem(fields["field"], fields[rule], fields.get("value"), line=line, column=column)


def print_problem(name: str, problem: Problem, *, err: bool = True) -> None:
    _print_at(name, problem, click.style(problem.without_line, fg="red"), err=err)


def print_warning(name: str, problem: Problem, *, err: bool = True) -> None:
    text = click.style(f"warning: {problem.without_line}", fg="yellow")
    _print_at(name, problem, text, err=err)


def _print_at(name: str, problem: Problem, text: str, *, err: bool) -> None:
    place = f":{problem.line}:{problem.column}" if problem.line is not None else ""
    click.echo(f"{name}{place}: {text}", err=err)


def parse_inputs(pairs: Iterable[str]) -> dict[str, Any]:
    """`k=v`, the value as a text, or a JSON list or mapping. Raises click.BadParameter."""
    given = by_name(map(_split_input, pairs), "--input")
    return {name: _structure_or_text(value) for name, value in given.items()}


def parse_secrets(pairs: Iterable[str]) -> dict[str, str]:
    """`k=v`; `k=@file`; `k` alone: from the environment. Raises click.BadParameter."""
    return by_name(map(_secret, pairs), "--secret")


def by_name(pairs: Iterable[tuple[str, V]], option: str) -> dict[str, V]:
    """Raises click.BadParameter for a name that is given twice."""
    found: dict[str, V] = {}
    for name, value in pairs:
        if name in found:
            raise click.BadParameter(f"{name!r} is given more than once", param_hint=option)
        found[name] = value
    return found


def _split_input(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{pair!r} must be like name=value", param_hint="--input")
    return name, value


def _secret(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    # The value is never shown, and nor is the pair: it may be one whose name was forgotten.
    if not name:
        raise _bad_secret("it must be like name=value, name=@file or name")
    if not equals:
        if name not in os.environ:
            raise _bad_secret("it is neither name=value nor the name of an environment variable")
        return name, os.environ[name]
    return name, _file_text(value[1:]) if value.startswith("@") else value


def _file_text(path: str) -> str:
    """Without the line break at its end, which editors put there."""
    try:
        return Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:  # a wrong name, no right, no text
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _bad_secret(f"can't read {path}: {reason}") from None


def _bad_secret(reason: str) -> click.BadParameter:
    return click.BadParameter(reason, param_hint="--secret")


def _structure_or_text(value: str) -> Any:  # noqa: ANN401 - JSON
    """Only what is a list or mapping is read: `1.10` is a text in a job file, too."""
    if not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return json.loads(value, parse_constant=_refuse_constant)
    except ValueError:  # a text
        return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity aren't JSON


def _added_to_json(text: str, additions: Additions) -> str:
    job = json.loads(text, parse_int=_marked, parse_float=_marked)
    if not isinstance(job, dict):
        raise ValueError("a job must be a mapping of fields")
    for field, values in additions.items():
        if isinstance(values, bool | str):
            job[field] = values
            continue
        present = job.get(field) or {}
        if not isinstance(present, dict):
            raise ValueError(f"{field} must be a mapping")
        job[field] = {**present, **values}
    return _MARKED.sub(r"\1", json.dumps(job, ensure_ascii=False))


_MARKED = re.compile(r'"\\u0000(-?[0-9][0-9.eE+-]*)\\u0000"')


def _marked(number: str) -> str:
    """A number of the file, to be written as it was spelled. No text of a job may hold NUL."""
    return f"\0{number}\0"


def _added_to_yaml(text: str, additions: Additions) -> str:
    job = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(job, yaml.MappingNode):
        raise ValueError("a job must be a mapping of fields")
    for field, values in additions.items():
        if isinstance(values, bool | str):
            _set(job, field, _node(values))
            continue
        mapping = _mapping_below(job, field)
        for name, value in values.items():
            _set(mapping, name, _node(value))
    return str(yaml.serialize(job, Dumper=yaml.SafeDumper, allow_unicode=True, width=1_000_000))


def _mapping_below(job: yaml.MappingNode, field: str) -> yaml.MappingNode:
    present = next((value for key, value in job.value if key.value == field), None)
    if isinstance(present, yaml.MappingNode):
        return present
    if present is not None and present.tag != _NULL:
        raise ValueError(f"{field} must be a mapping")
    made = yaml.MappingNode(_MAPPING, [])
    _set(job, field, made)
    return made


def _set(mapping: yaml.MappingNode, name: str, value: yaml.Node) -> None:
    others = [(key, old) for key, old in mapping.value if key.value != name]
    mapping.value = [*others, (yaml.ScalarNode(_TEXT, name, style='"'), value)]


def _node(value: Any) -> yaml.Node:  # noqa: ANN401 - JSON
    """JSON is YAML, with every text in quotes: none of them can be taken for a number."""
    node = yaml.compose(json.dumps(value, ensure_ascii=False), Loader=yaml.SafeLoader)
    assert node is not None  # noqa: S101 - for the type checker: JSON is never empty
    return node
