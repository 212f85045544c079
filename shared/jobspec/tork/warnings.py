"""What a job may hold, and hardly anybody means: told beside the answer, refused if asked to be
strict. And what can't work, though each field is as it should be: expressions that read what there
is not.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from shared.definition.quantities import parse_duration
from shared.expressions import ExpressionError, check, expressions_in, names_in
from shared.jobspec.cron.slips import slips_of
from shared.jobspec.problems import Place, Problem, field_path
from shared.jobspec.tork.guesses import nearest_name
from shared.jobspec.tork.models import (
    AuxTask,
    JobFields,
    Retry,
    Schedule,
    ScheduledJobSpec,
    SubmittedJob,
    TaskFields,
)
from shared.jobspec.tork.scopes import Scope, Used, all_tasks, expressions_of, subjobs_of
from shared.messages.queues import DEFAULT_TASK_QUEUE
from shared.process.redaction import REDACTED

MOST_WARNINGS = 100

_TEXT_MAPS = ("inputs", "secrets", "tasks", "job", "schedule")
_KNOWN_OF: Mapping[str, tuple[str, ...]] = {
    "job": ("id", "name"),
    "schedule": ("id", "scheduledAt"),
}
_OF_ITEM = ("index", "value")
_OTHER_LANGUAGES = frozenset(
    ("range", "if", "with", "json", "end", "else", "template", "define", "block", "printf", "index")
)
"""What Go's templates begin with, where it would be a name of ours."""
_UNKNOWN_NAME = re.compile(r"unknown name (\w+)")


def refusals_of(expressions: Iterable[Used]) -> list[Problem]:
    """Those that can't work with what there is to read."""
    return [problem for used in expressions for problem in _refused(used)]


def warnings_of(job: SubmittedJob) -> list[Problem]:
    return list(islice(_warnings(job), MOST_WARNINGS))


def _warnings(job: SubmittedJob) -> Iterator[Problem]:
    yield from _unknown_names(job)
    if isinstance(job, ScheduledJobSpec):
        yield from _of_schedule(job.schedule, ("schedule",))
    for part, place in [(job, ()), *subjobs_of(job)]:
        for task, at in all_tasks(part, place):
            yield from _of_task(task, at, part)


def copied_secrets_of(tree: object, place: Place = ()) -> Iterator[Problem]:
    """Values of a submission that were copied from an answer, which hides what they were."""
    match tree:
        case str() if REDACTED in tree:
            yield warning(place, f"has {REDACTED}, which answers show in place of a secret")
        case dict():
            for name, value in tree.items():
                yield from copied_secrets_of(value, (*place, name))
        case list():
            for index, value in enumerate(tree):
                yield from copied_secrets_of(value, (*place, index))


def queues_of(job: SubmittedJob) -> Mapping[str, Place]:
    """The queues that its tasks go to, as far as the job tells, each with its first place."""
    queues: dict[str, Place] = {}
    for part, place in [(job, ()), *subjobs_of(job)]:
        default = (part.defaults and part.defaults.queue) or DEFAULT_TASK_QUEUE
        for task, at in all_tasks(part, place):
            made_of = (task.parallel, task.each, task.spawn, task.subjob, task.partition)
            if not any(made_of) and not task.placement:
                queues.setdefault(task.queue or default, (*at, "queue"))
    return {queue: place for queue, place in queues.items() if "{{" not in queue}


def warning(place: Place, message: str) -> Problem:
    return Problem(field_path(place), message, place=place)


def _refused(used: Used) -> Iterator[Problem]:
    try:
        check(used.template, used.scope.names)
    except ExpressionError as error:  # told with its field
        message = _told(error, used.scope)
        if used.is_hidden:
            message = f"must hold expressions that work (column {error.column})"
        yield warning(used.place, message)


def _told(error: ExpressionError, scope: Scope) -> str:
    unknown = _UNKNOWN_NAME.fullmatch(error.message)
    if unknown is None:
        return str(error)
    known = sorted(scope.names)
    near = nearest_name(unknown[1], known)
    there = f"there {'are' if len(known) > 1 else 'is only'} {', '.join(known)}"
    guess = f"did you mean {near!r}?" if near else there
    return f"unknown name {unknown[1]!r}, {guess}"


def _unknown_names(job: SubmittedJob) -> Iterator[Problem]:
    for used in expressions_of(job):
        yield from unknown_members(used)


def unknown_members(used: Used) -> Iterator[Problem]:
    """Of what there is, names that it doesn't have."""
    for path in sorted(names_in(used.template)):
        if len(path) > 1 and (message := _unknown(path, used.scope)):
            yield warning(used.place, message)


def _unknown(path: tuple[str, ...], scope: Scope) -> str | None:
    root, name = path[:2]
    if root in scope.fields:
        return _unknown_field(path, scope.fields)
    if root == "tasks":
        if scope.defines_result(name):
            return None
        return _undefined(root, name, scope.results, "no task has this var")
    if root in ("inputs", "secrets"):
        known = scope.names.get(root)
        if not isinstance(known, Mapping) or name in known:
            return None
        return _undefined(root, name, known, f"the job has no such {root[:-1]}")
    known_members = _members(root, scope)
    if known_members is None or name in known_members:
        return None
    return _undefined(root, name, known_members, f"{root} has {' and '.join(known_members)}")


def _unknown_field(path: tuple[str, ...], fields: Mapping[str, frozenset[str]]) -> str | None:
    """What an event is about, read as it is then."""
    for depth, name in enumerate(path):
        place = ".".join(path[:depth])
        if place in fields and name not in fields[place]:
            near = nearest_name(name, sorted(fields[place]))
            guess = f"did you mean {place}.{near}?" if near else f"{place} has no such field"
            return f"{place}.{name} is not defined and reads as nil: {guess}"
    return None


def _members(root: str, scope: Scope) -> Sequence[str] | None:
    """None: not known."""
    if root in _KNOWN_OF:
        return _KNOWN_OF[root] if scope.names[root] else None
    return _OF_ITEM if root in scope.names else None


def _undefined(root: str, name: str, known: Collection[str], otherwise: str) -> str:
    near = nearest_name(name, known)
    guess = f"did you mean {root}.{near}?" if near else otherwise
    reads_as = "nil" if root not in _TEXT_MAPS else "an empty text"
    return f"{root}.{name} is not defined and reads as {reads_as}: {guess}"


def _of_schedule(schedule: Schedule, place: Place) -> Iterator[Problem]:
    named = [(schedule.cron, (*place, "cron"))] if schedule.cron else []
    named += [(cron, (*place, "crons", n)) for n, cron in enumerate(schedule.crons or ())]
    return (warning(at, slip) for cron, at in named for slip in slips_of(cron))


def _of_task(task: TaskFields, place: Place, job: JobFields) -> Iterator[Problem]:
    yield from _of_program(task, place)
    for field in ("pre", "post", "sidecars"):
        for index, aux in enumerate(getattr(task, field) or ()):
            yield from _of_program(aux, (*place, field, index))
    if task.retry is not None:
        has_timeout = bool(task.timeout or (job.defaults and job.defaults.timeout))
        yield from _of_retry(task.retry, (*place, "retry"), has_timeout=has_timeout)
        yield from _of_causes(task, (*place, "retry", "on"))
    if task.placement is not None:
        yield from _of_placed(task, task.placement.type, place)


def _of_causes(task: TaskFields, place: Place) -> Iterator[Problem]:
    codes = task.success_codes or ()
    for index, cause in enumerate((task.retry and task.retry.on) or ()):
        if isinstance(cause, int) and (isinstance(codes, str) or cause in codes):
            yield warning((*place, index), f"is ignored: {cause} is one of successCodes")


def _of_placed(task: TaskFields, kind: str | None, place: Place) -> Iterator[Problem]:
    if kind in ("ops", "daemon") and task.placement and task.placement.one_per_node:
        rule = f"is ignored: {kind} runs once on every node that matches"
        yield warning((*place, "placement", "onePerNode"), rule)
    for index, source in enumerate(task.sources or ()):
        if kind in ("ops", "daemon") and source.s3 and source.s3.partition:
            rule = f"is ignored: every execution of {kind} gets all objects"
            yield warning((*place, "sources", index, "s3", "partition"), rule)
    if kind in ("service", "daemon") and task.success_codes:
        rule = f"is ignored: a {kind} is kept running, whatever it ends with"
        yield warning((*place, "successCodes"), rule)


def _of_program(program: TaskFields | AuxTask, place: Place) -> Iterator[Problem]:
    if program.run and (written := _expression_in(program.run)):
        rule = f"run is not evaluated: {written} stays as it is written; pass the value by env"
        yield warning((*place, "run"), rule)
    if program.image and (reason := _unpinned(program.image)):
        yield warning((*place, "image"), f"{program.image} {reason}, so it may change: pin it")


def _expression_in(script: str) -> str | None:
    """The first, as it is written."""
    for source in expressions_in(script):
        try:
            names_in("{{" + source + "}}")
        except ExpressionError:  # of another template language
            continue
        if source.split(maxsplit=1)[0] not in _OTHER_LANGUAGES:
            return "{{ " + source + " }}"
    return None


def _unpinned(image: str) -> str | None:
    name = image.rpartition("/")[2]
    if "{{" in image or "@" in name:
        return None
    _, colon, tag = name.partition(":")
    if not colon:
        return "has no tag"
    return "has the tag latest" if tag == "latest" else None


def _of_retry(retry: Retry, place: Place, *, has_timeout: bool) -> Iterator[Problem]:
    if retry.on == ["timeout"] and not has_timeout:
        yield warning(
            (*place, "on"), "is ignored, unless the worker sets a timeout: the task has none"
        )
    delay = retry.initial_delay
    is_at_once = delay is not None and not parse_duration(delay).total_seconds()
    for field, name in (
        ("scaling_factor", "scalingFactor"),
        ("max_delay", "maxDelay"),
        ("jitter", "jitter"),
    ):
        if is_at_once and getattr(retry, field):
            yield warning((*place, name), f"is ignored: initialDelay is {delay}")
