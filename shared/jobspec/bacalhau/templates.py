"""A job of Bacalhau that is stored with the inputs it asks for: expressions in its texts read them.

`{{ inputs.width }}` is replaced when a job is made; what is within other braces stays text, as in
any job of Bacalhau. A text that is such an expression and nothing else may also stand where a
number or a list is due.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from typing import Any

from pydantic import JsonValue, ValidationError

from shared.expressions import (
    ExpressionError,
    expressions_in,
    map_expressions,
    names_in,
    quoted,
    render_value,
)
from shared.jobspec.bacalhau import models as m
from shared.jobspec.bacalhau.normal import DEFAULT_NAMESPACE, DEFAULTS, JobDefaults, TypeDefaults
from shared.jobspec.bacalhau.parsing import check_job
from shared.jobspec.bacalhau.spec import entry, key_in
from shared.jobspec.entries import Findings
from shared.jobspec.places import located
from shared.jobspec.plain_scalar import PlainScalar, SpelledNumber
from shared.jobspec.problems import KEY, InvalidJob, Place, Problem, field_path
from shared.jobspec.template_values import Given, values_of
from shared.jobspec.tork.explanations import explain
from shared.jobspec.tork.models import Spec, TemplateHead
from shared.jobspec.tork.parsing import load

_INPUTS = "inputs"
_SAME_FOR_ALL = ("type", "namespace")
_OTHER_TYPES = "a job of Bacalhau has neither uploads nor secrets"


class _Headed(Spec):
    template: TemplateHead


@dataclass(frozen=True, slots=True)
class BacalhauTemplate:
    """`document` is what is stored: the job, and what jobs have that don't say."""

    head: TemplateHead
    document: dict[str, JsonValue]
    warnings: Sequence[Problem] = ()


def parse_template(
    body: bytes, content_type: str, defaults: JobDefaults = DEFAULTS
) -> BacalhauTemplate | None:
    """The template in a file; None where its job is not one of Bacalhau. What the job doesn't say
    is as `defaults` have it. Raises InvalidJob, whose problems have their lines."""
    tree, find = load(body, content_type)
    if not isinstance(tree, dict) or not _is_bacalhau(tree):
        return None
    try:
        found = _checked(tree, defaults)
    except InvalidJob as error:  # now the places are worth a second look at the text
        raise InvalidJob(located(error.problems, find())) from None
    return replace(found, warnings=located(found.warnings, find())) if found.warnings else found


def job_of_document(document: Mapping[str, Any], inputs: Mapping[str, object]) -> m.Job:
    """The job that a stored `document` makes. Raises InvalidJob."""
    job = job_in(document)
    defaults = {_kind_of(job): TypeDefaults(**document["defaults"])}
    try:
        return check_job(_filled(job, inputs), defaults).job
    except InvalidJob as error:  # the places are of the template, not of what was given
        raise InvalidJob([replace(problem, place=None) for problem in error.problems]) from None


def job_in(document: Mapping[str, Any]) -> dict[str, JsonValue]:
    """As it was pushed."""
    return dict(document["job"])


def namespace_of(document: Mapping[str, Any]) -> str:
    return entry(job_in(document), "Namespace") or DEFAULT_NAMESPACE


def _kind_of(job: Mapping[str, object]) -> str:
    return str(entry(job, "Type") or "").strip()


def _is_bacalhau(tree: Mapping[str, object]) -> bool:
    """Only a job of Bacalhau has a type, and names of any case."""
    return entry(tree, "Type") is not None or key_in(tree, "Tasks") not in (None, "tasks")


def _checked(tree: Mapping[str, object], defaults: JobDefaults) -> BacalhauTemplate:
    head = _head(tree.get("template"))
    job = {name: value for name, value in tree.items() if name != "template"}
    if problems := [*_of_types(head), *_of_expressions(job, set(head.inputs or ()))]:
        raise InvalidJob(problems)
    warnings = _warnings(job, head, defaults)
    chosen = asdict(defaults.get(_kind_of(job), TypeDefaults()))
    return BacalhauTemplate(head, {"job": _stored(job), "defaults": chosen}, warnings)


def _head(tree: object) -> TemplateHead:
    try:
        return _Headed.model_validate({"template": tree}, context=Findings()).template
    except ValidationError as error:  # all findings at once, in our own words
        raise InvalidJob(explain(error, _Headed, ())) from None


def _of_types(head: TemplateHead) -> Iterator[Problem]:
    for name, one in (head.inputs or {}).items():
        if one.kind in ("file", "secret"):
            yield _at(("template", "inputs", name, "type"), _OTHER_TYPES)


def _at(place: Place, rule: str) -> Problem:
    return Problem(field_path(place), rule, place=place)


def _of_expressions(job: Mapping[str, object], known: set[str]) -> Iterator[Problem]:
    for place, text in _texts(job):
        read = _inputs_read(text)
        if read and str(place[0]).lower() in _SAME_FOR_ALL:
            yield _at(place, "can't read inputs: it is the same for all jobs of a template")
        for name in sorted(read - known):
            near = get_close_matches(name, known, n=1)
            guess = f", did you mean {near[0]!r}?" if near else ""
            yield _at(place, f"the template has no input {name!r}{guess}")


def _warnings(
    job: Mapping[str, object], head: TemplateHead, defaults: JobDefaults
) -> Sequence[Problem]:
    """Of the job that the defaults of the inputs make. What reads an input without a default is
    left out: only the job that is made tells whether that is allowed. Raises InvalidJob."""
    known = {name for name, one in (head.inputs or {}).items() if one.default is not None}
    schema = {**head.json_schema(), "required": []}
    inputs = values_of(schema, Given({}, {}, {}), Given({}, {}, {}))
    open_places = [place for place, text in _texts(job) if _inputs_read(text) - known]
    try:
        return check_job(_filled(job, inputs), defaults).warnings
    except InvalidJob as error:
        told = [p for p in error.problems if not _is_about(p.place or (), open_places)]
        if told:
            raise InvalidJob(told) from None
    return ()


def _is_about(place: Place, others: Sequence[Place]) -> bool:
    """A rule may also be told of what is around a value, or of a part of it."""
    below = _folded(place)
    return any(below[: len(other)] == other[: len(below)] for other in map(_folded, others))


def _folded(place: Place) -> Place:
    return tuple(p.lower() if isinstance(p, str) else p for p in place if p != KEY)


def _texts(tree: object, place: Place = ()) -> Iterator[tuple[Place, str]]:
    match tree:
        case str():
            yield place, tree
        case dict():
            for name, value in tree.items():
                yield from _texts(value, (*place, str(name)))
        case list():
            for index, value in enumerate(tree):
                yield from _texts(value, (*place, index))


def _inputs_read(text: str) -> set[str]:
    """The names of the inputs that its expressions read, those among them that are ours."""
    read = [names_in("{{" + source + "}}") for source in expressions_in(text) if _is_ours(source)]
    return {path[1] for paths in read for path in paths}


def _is_ours(source: str) -> bool:
    """Whether it reads inputs by their names, and nothing else."""
    try:
        paths = names_in("{{" + source + "}}")
    except ExpressionError:  # of another language
        return False
    return bool(paths) and all(len(path) > 1 and path[0] == _INPUTS for path in paths)


def _filled(tree: object, inputs: Mapping[str, object], place: Place = ()) -> Any:  # noqa: ANN401 - JSON
    """With the values of its expressions, each as a YAML value without quotes has it: text where
    text is due, and a number where that is; an entry without one is left out. Raises InvalidJob."""
    match tree:
        case str() if _inputs_read(tree):
            return _plain(_rendered(tree, inputs, place))
        case str():
            return PlainScalar(tree)
        case dict():
            filled = {name: _filled(v, inputs, (*place, name)) for name, v in tree.items()}
            return {name: value for name, value in filled.items() if value is not None}
        case list():
            return [_filled(value, inputs, (*place, n)) for n, value in enumerate(tree)]
    return tree


def _rendered(text: str, inputs: Mapping[str, object], place: Place) -> object:
    ours = map_expressions(text, lambda one: one if _is_ours(one[2:-2]) else quoted(one))
    try:
        return render_value(ours, {_INPUTS: inputs})
    except ExpressionError as error:  # what is given doesn't fit it
        raise InvalidJob([_at(place, str(error))]) from None


def _plain(value: object) -> object:
    match value:
        case bool() | int() | float():
            return PlainScalar(json.dumps(value))
        case str():
            return PlainScalar(value)
        case list():
            return list(map(_plain, value))
        case dict():
            return {name: _plain(each) for name, each in value.items()}
    return value


def _stored(tree: object) -> Any:  # noqa: ANN401 - JSON
    """As JSON, with numbers as they are spelled."""
    match tree:
        case str():
            return str(tree)
        case SpelledNumber():
            return tree.text
        case dict():
            return {str(name): _stored(value) for name, value in tree.items()}
        case list():
            return list(map(_stored, tree))
    return tree
