"""What the sources of a job refer to: earlier tasks' artifacts, and uploads. What can't be there is
refused; what an expression chooses is known only when the task begins."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

from shared.definition import JobDefinition, Named, Reference, TaskList, parse_reference
from shared.expressions import has_expression, map_expressions
from shared.jobspec.problems import Place, Problem, field_path
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.guesses import nearest_name
from shared.jobspec.tork.models import SubmittedJob, TemplateSpec
from shared.jobspec.tork.scopes import all_tasks, pattern_of, subjobs_of

_UNKNOWN = "\x00"
"""Stands for an expression."""
_SHOWN = 5
_MOST_PROBLEMS = 100
"""That are told: a guess looks at all names of the job."""


def unfounded_references(job: SubmittedJob) -> list[Problem]:
    parts = [job, *(subjob for subjob, _ in subjobs_of(job))]
    if not any(task.sources for part in parts for task, _ in all_tasks(part)):
        return []
    compiled = compile_job(job)
    uploads = compiled.uploads
    if isinstance(job, TemplateSpec):
        uploads = {**uploads, **dict.fromkeys(job.asked("file"), "")}
    return list(islice(_of_job(compiled, uploads, ()), _MOST_PROBLEMS))


def _of_job(job: JobDefinition, uploads: Mapping[str, str], place: Place) -> Iterator[Problem]:
    tasks = TaskList(job.tasks)
    evaluated = [pattern_of(name) for name in tasks.names() if has_expression(name)]
    for named in tasks.all:
        at = (*place, *named.place)
        for index, source in enumerate(named.task.sources):
            artifact, upload = source.artifact, source.upload
            if artifact:
                rule = _of_artifact(tasks, evaluated, named, artifact, is_inner=bool(place))
                if rule:
                    yield _problem((*at, "sources", index, "artifact"), rule, artifact)
            if upload and not has_expression(upload) and upload not in uploads:
                guess = _guess(upload, uploads, "it has") or f"; send it: --file {upload}=PATH"
                rule = f"the job has no such upload{guess}"
                yield _problem((*at, "sources", index, "upload"), rule, upload)
        if named.task.subjob is not None:
            yield from _of_job(named.task.subjob, uploads, (*at, "subjob"))


def _problem(place: Place, rule: str, value: str) -> Problem:
    return Problem(field_path(place), rule, f'"{value}"', place)


def _of_artifact(
    tasks: TaskList,
    evaluated: Sequence[re.Pattern[str]],
    taker: Named,
    text: str,
    *,
    is_inner: bool,
) -> str | None:
    """`evaluated` are the names that hold expressions."""
    try:
        reference = parse_reference(map_expressions(text, lambda _: _UNKNOWN))
    except ValueError:  # one expression gives more than one part of it
        return None
    if reference.job_id or _UNKNOWN in reference.task:
        return None
    found = tasks.named(reference.task)
    if not found:
        may_be = any(name.fullmatch(reference.task) for name in evaluated)
        return None if may_be else _no_task(tasks, reference, is_inner)
    over = [n for n in found if tasks.is_before(n.at[0], taker.at[0]) and n.at[0] != taker.at[0]]
    if not over:
        return _not_over(tasks, taker, found[0])
    if len({named.at for named in over}) > 1:
        return f"{len(over)} tasks before this one are named {reference.task!r}: give one a var"
    return _not_kept(over[0], reference)


def _no_task(tasks: TaskList, reference: Reference, is_inner: bool) -> str:
    guess = _guess(reference.task, tasks.names(), "they are")
    rule = f"no task of this job has the var or name {reference.task!r}{guess}"
    if is_inner:
        rule += "; for a task of the job around it, the id of that job must precede: ID/task.name"
    return rule


def _not_over(tasks: TaskList, taker: Named, named: Named) -> str:
    name = named.task.var or named.task.name
    mine, other = taker.at[0], named.at[0]
    if named is taker:
        return "a task can't take what it keeps itself"
    if mine == other and taker.place[: len(named.place)] == named.place:
        return f"the task {name!r} is around this one, so it is over later"
    if mine == other or (tasks.is_graph and not tasks.is_before(mine, other)):
        hint = "" if mine == other else ": name it in needs"
        return f"the task {name!r} may run beside this one{hint}"
    return f"the task {name!r} runs after this one"


def _not_kept(named: Named, reference: Reference) -> str | None:
    """`named` is over when the reference to it is read."""
    name, task = reference.task, named.task
    if named.is_many or (named.is_repeated and (task.each or task.spawn or task.parallel)):
        return f"the task {name!r} is in an each within others: there are many of it"
    if task.subjob is not None and task.subjob.detached:
        return f"the task {name!r} does not wait for its sub-job: what that keeps has its id before"
    kept = named.artifacts()
    if reference.artifact not in kept and not any(
        map(has_expression, (*kept, reference.artifact.replace(_UNKNOWN, "{{ x }}")))
    ):
        return f"the task {name!r} keeps no artifact {reference.artifact!r}" + _guess(
            reference.artifact, kept, "it keeps"
        )
    index = reference.path.partition("/")[0]
    if named.is_list and index and _UNKNOWN not in index and not index.isdecimal():
        return f"the path in what the children of {name!r} keep must begin with the index of one"
    return None


def _guess(word: str, known: Collection[str], there: str) -> str:
    if near := nearest_name(word, known):
        return f", did you mean {near!r}?"
    shown: Sequence[str] = sorted(known)[:_SHOWN]
    more = ", …" if len(known) > _SHOWN else ""
    return f": {there} {', '.join(shown)}{more}" if shown else ""
