"""From a request, or the text of a file, to a job of Bacalhau that is checked."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shared.jobspec.bacalhau import models as m
from shared.jobspec.bacalhau.engines import without_legacy_modules
from shared.jobspec.bacalhau.normal import DEFAULTS, JobDefaults, normalised, warnings_of
from shared.jobspec.bacalhau.rules import problems_of
from shared.jobspec.bacalhau.spec import entry, read
from shared.jobspec.clean_text import refuse_unkeepable
from shared.jobspec.places import located
from shared.jobspec.problems import KEY, InvalidJob, Place, Problem, field_path
from shared.jobspec.tork.parsing import load

NO_JOB = "empty/nil job"
_NULLS = {
    "Name": "job Name contains a null character",
    "Tasks[].Name": "task name cannot contain null characters",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """A job that can be run, normalised, and what was hardly meant."""

    job: m.Job
    warnings: Sequence[Problem] = ()


def parse_job(body: bytes, content_type: str, defaults: JobDefaults = DEFAULTS) -> Checked:
    """The job in a file: JSON or YAML. Raises InvalidJob, whose problems have their lines."""
    tree, find = load(body, content_type)
    try:
        checked = check_job(tree, defaults)
    except InvalidJob as error:  # now the places are worth a second look at the text
        raise InvalidJob(located(error.problems, find())) from None
    if not checked.warnings:
        return checked
    return replace(checked, warnings=located(checked.warnings, find()))


def check_job(tree: object, defaults: JobDefaults = DEFAULTS) -> Checked:
    """The job that `tree` is. Raises InvalidJob with all that is wrong with it."""
    if tree is None or tree == {}:
        raise InvalidJob([Problem("", NO_JOB)])
    if not isinstance(tree, dict):
        raise InvalidJob([Problem("", "a job must be a mapping of fields")])
    _refuse_unkeepable(tree)
    tree = without_legacy_modules(tree)
    job, problems = read(m.Job, tree)
    if job is None:
        raise InvalidJob(problems)
    normal = normalised(job, defaults)
    if problems := _each_once(problems, problems_of(normal)):
        raise InvalidJob([_with_field(problem) for problem in problems])
    return Checked(normal, [_with_field(warning) for warning in warnings_of(job)])


def text_of(problems: Sequence[Problem], tree: object) -> str:
    """What is wrong with the job `tree`, as Bacalhau says it: a line for each problem."""
    return "\n".join(f"{_subject(_below(p), tree)}{p.rule}" for p in problems)


def _below(problem: Problem) -> Place:
    return tuple(part for part in problem.place or () if part != KEY)


def _each_once(malformed: Sequence[Problem], broken: Iterable[Problem]) -> list[Problem]:
    """Without rules that something breaks because it was not well-formed, and so was read as if it
    weren't there. What is not well-formed has a field already."""
    told = list(malformed)
    places = [_below(problem) for problem in told]
    for problem in broken:
        place = _below(problem)
        if problem.field:
            places.append(place)
        elif any(place[: len(other)] == other for other in places):
            continue
        told.append(problem)
    return told


def _with_field(problem: Problem) -> Problem:
    return replace(problem, field=problem.field or field_path(_below(problem)))


def _subject(place: Place, tree: object) -> str:
    """What is wrong as a whole, where that is a task or a constraint."""
    if len(place) < len(("Tasks", 0)) or not isinstance(number := place[1], int):
        return ""
    if place[0] == "Constraints":
        return f"constraint {number + 1} validation failed: "
    if place[0] != "Tasks":
        return ""
    tasks = entry(tree, "Tasks")
    task = tasks[number] if isinstance(tasks, list) and number < len(tasks) else None
    return f"task {entry(task, 'Name') or number + 1} validation failed: "


def _refuse_unkeepable(tree: object) -> None:
    try:
        refuse_unkeepable(tree)
    except InvalidJob as error:
        problems = error.problems
    else:
        return
    told = ((p, _NULLS.get(re.sub(r"\[[0-9]+\]", "[]", p.field))) for p in problems)
    raise InvalidJob([replace(p, rule=rule or f"'{p.field}' {p.rule}") for p, rule in told])
