"""What decides the result of a job, as one SHA-256: jobs with the same one do the same work.

It is taken over canonical JSON: keys in order, numbers in one spelling, no blanks; texts are as
they were given, since programs see their bytes. A field of a task that is not listed here as left
out is part of it, so that one which a later version adds makes other work of a job, never the same.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic.alias_generators import to_camel

from shared.definition import (
    Encoded,
    JobDefinition,
    TaskDefinition,
    encode,
    parse_reference,
    task_graph,
)
from shared.expressions import (
    ExpressionError,
    as_template,
    functions_in,
    has_expression,
    names_in,
)
from shared.jobspec.limits import OWN_SECRETS

FORMAT = 1
"""To be raised when the same job gets another fingerprint."""

_NO_MATTER = frozenset(
    {
        *("description", "tags", "queue", "priority", "retry", "limits", "timeout"),
        *(
            "queue_timeout",
            "grace_period",
            "stop_signal",
            "gpus",
            "registry",
            "concurrency",
            "reuse",
        ),
    }
)
"""Of tasks, and of what they are made of: where, when and with how much they run."""
_NO_MATTER_OF_JOB = frozenset(
    {
        *("name", "description", "tags", "defaults", "webhooks", "permissions", "auto_delete"),
        *("timeout", "hold", "start_at", "deadline", "budget", "template", "reuse"),
        *("concurrency", "start_rate"),
    }
)
_MATTERS_OF_PLACEMENT = frozenset({"type", "count", "prefix"})
_MADE_OF = {
    "parallel": frozenset[str](),
    "each": frozenset[str](),
    "spawn": frozenset({"placement"}),
    "partition": frozenset[str](),
}
"""By the field of what a task is made of, what of its parts is of no matter: each task of a spawn
runs once, placed or not."""
_LOGINS = frozenset({"credentials", "access_key", "secret_key", "session_token"})
_NOT_EVALUATED = frozenset({"run", "files"})
_ONLY_OF_LISTS = frozenset({"var", "condition", "allow_failure"})
"""What a task means to those that follow."""
_EVALUATED_OF_JOB = ("tasks", "output")
_EXPRESSIONS = frozenset({"condition", "items", "output"})
"""Fields whose braces may be left out."""
_NO_SECRETS_OF_RESULT = (f"{OWN_SECRETS}registry.", f"{OWN_SECRETS}webhook.")
_CHANCE = {"now": "now()", "randomInt": "randomInt()"}
_NOTHING: Encoded = {}
_SPELLED = {"condition": "if", "items": "list"}
_NAMED_BY_CLIENTS = frozenset(
    {
        *("env", "files", "inputs", "secrets", "uploads", "opts", "headers", "imports", "items"),
        *("directories", "params", "split_params", "task_params", "assemble_params"),
    }
)
_MOST_PARTS = 300
_PART_DIGITS = 12

KeyedHash = Callable[[str], str]
"""Of what nobody may find out by trying."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`parts` are the places that it is made of, each with a hash of what stands there. `chance`
    names what in its expressions gives something else each time."""

    digest: str
    parts: Mapping[str, str]
    chance: Sequence[str] = ()


class _Entry(NamedTuple):
    name: str | None
    needs: Sequence[str] | None


def job_fingerprint(
    job: JobDefinition, uploads: Mapping[str, str], keyed: KeyedHash, namespace: str = ""
) -> Fingerprint:
    """Of a job as it is to be stored. `uploads` are the checksums of its uploads by name. Jobs of a
    `namespace` are alike only there: elsewhere a client would not find the one that it is told."""
    whole = encode(job)
    read = {name: whole[name] for name in _EVALUATED_OF_JOB if name in whole}
    fields = {name: value for name, value in whole.items() if name not in _NO_MATTER_OF_JOB}
    if _reads_name(read):
        fields["name"] = job.name
    fields["tasks"] = _tasks(whole.get("tasks", []), has_names=_names_matter(read))
    fields["secrets"] = {
        name: keyed(value)
        for name, value in job.secrets.items()
        if not name.startswith(_NO_SECRETS_OF_RESULT)
    }
    fields["uploads"] = {name: uploads.get(name, id_) for name, id_ in job.uploads.items()}
    fields["namespace"] = namespace
    shape = {"format": FORMAT, **{name: value for name, value in fields.items() if value}}
    return Fingerprint(_sha256(shape), _parts(shape), sorted(_chance(read)))


def task_fingerprint(task: TaskDefinition, keyed: KeyedHash) -> str:
    """Of an evaluated task that a worker runs. It holds what is secret in clear, so all of it is
    hashed with the key."""
    shape = _of_planned(encode(task))
    return keyed(canonical({"format": FORMAT, "task": shape}))


def task_places(definition: Encoded) -> dict[str, object]:
    """The places that the fingerprint of a task is made of, with what stands there, as far as its
    definition is kept in clear."""
    return dict(_places(_of_planned(definition), "", "", None))


def _of_planned(task: Encoded) -> Encoded:
    return _without(_task(task, has_names=False), _ONLY_OF_LISTS)


def canonical(value: object) -> str:
    """The one spelling of a JSON value."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))


def _sha256(value: object) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _plain(value: object) -> object:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list() | tuple():
            return list(map(_plain, value))
    return value


def _tasks(tasks: Sequence[Encoded], *, has_names: bool) -> list[Encoded]:
    """Of a list of tasks. What they need is told by positions, so that names are of no matter."""
    graph = task_graph([_Entry(task.get("name"), task.get("needs")) for task in tasks])
    shapes = [_task(task, has_names=has_names) for task in tasks]
    if graph is not None:
        for position, shape in enumerate(shapes, start=1):
            shape["needs"] = sorted(graph[position])
    return shapes


def _task(task: Encoded, *, has_names: bool) -> Encoded:
    shape = _without(task, _NO_MATTER | {"needs"} | (set() if has_names else {"name"}))
    for field in ("pre", "post"):
        if field in shape:
            shape[field] = [_without(aux, _NO_MATTER | {"name"}) for aux in shape[field]]
    if "sidecars" in shape:  # the name of one is that of its host
        shape["sidecars"] = [_without(aux, _NO_MATTER) for aux in shape["sidecars"]]
    if "sources" in shape:
        shape["sources"] = list(map(_source, shape["sources"]))
    if "publish" in shape:
        shape["publish"] = list(map(_with_place, shape["publish"]))
    if placement := shape.get("placement"):
        others = placement.keys() - _MATTERS_OF_PLACEMENT
        shape["placement"] = _without(placement, others)
    for field, no_matter in _MADE_OF.items():
        if field in shape:
            shape[field] = _made_of(shape[field], no_matter, has_names=has_names)
    if subjob := shape.get("subjob"):
        tasks = _tasks(subjob.get("tasks", []), has_names=has_names)
        shape["subjob"] = {**_without(subjob, _NO_MATTER_OF_JOB), "tasks": tasks}
    return shape


def _made_of(composite: Encoded, no_matter: frozenset[str], *, has_names: bool) -> Encoded:
    shape = _without(composite, _NO_MATTER)
    for field in ("task", "split", "assemble"):
        if field in shape:
            shape[field] = _task(_without(shape[field], no_matter), has_names=has_names)
    if "tasks" in shape:
        shape["tasks"] = [_task(task, has_names=has_names) for task in shape["tasks"]]
    return shape


def _source(source: Encoded) -> Encoded:
    """What was found counts by its content, an artifact of the same job by where its task
    stands."""
    shape = _with_place(source)
    if taken := shape.pop("taken", None):
        return _without(shape, {"artifact", "upload", "at"}) | {"taken": _content(taken)}
    if children := shape.pop("children", None):
        contents = [
            {**_without(child, {"task_id", "attempt"}), "artifact": _content(child.get("artifact"))}
            for child in children
        ]
        return _without(shape, {"artifact", "at"}) | {"children": contents}
    if shape.get("at"):
        reference = parse_reference(shape["artifact"])
        shape["artifact"] = [reference.artifact, reference.path]
    return shape


def _with_place(file: Encoded) -> Encoded:
    """Without the login for S3."""
    return {**file, "s3": _without(file["s3"], _LOGINS)} if file.get("s3") else dict(file)


def _content(taken: Encoded | None) -> Encoded | None:
    return taken and _without(taken, {"object"})


def _without(value: Encoded, names: frozenset[str] | set[str]) -> Encoded:
    return {name: item for name, item in value.items() if name not in names}


def _names_matter(job: Encoded) -> bool:
    """Whether a reference finds its task by the name."""
    return any(
        field == "chunks" or (field == "artifact" and "target" in holder and not holder.get("at"))
        for holder, field, _ in _texts(job)
    )


def _reads_name(job: Encoded) -> bool:
    paths = {path for template in _templates(job) for path in _paths(template)}
    return bool(paths & {(), ("job",), ("job", "name")})


def _paths(template: str) -> frozenset[tuple[str, ...]]:
    try:
        return names_in(template)
    except ExpressionError:  # it fails when it is evaluated, whatever it reads
        return frozenset()


def _chance(job: Encoded) -> set[str]:
    found: set[str] = set()
    for template in _templates(job):
        try:
            found |= functions_in(template) & _CHANCE.keys()
        except ExpressionError:  # as above
            continue
    return {_CHANCE[name] for name in found}


def _templates(job: Encoded) -> Iterator[str]:
    for _, field, text in _texts(job):
        if field in _EXPRESSIONS:
            yield as_template(text)
        elif has_expression(text):
            yield text


def _texts(
    value: object, holder: Encoded = _NOTHING, field: str = ""
) -> Iterator[tuple[Encoded, str, str]]:
    """Each text that may be evaluated, with the mapping that it is in and its field there."""
    match value:
        case str():
            yield holder, field, value
        case dict():
            for name, item in value.items():
                if name not in _NOT_EVALUATED:
                    yield from _texts(item, value, name)
        case list() if field != "items":
            for item in value:
                yield from _texts(item, holder, field)


def _parts(shape: Encoded) -> dict[str, str]:
    """As many places as may be stored: single values, else tasks, else fields of the job."""
    for depth in (None, 2, 1):
        places = dict(_places(shape, "", "", depth))
        if len(places) <= _MOST_PARTS:
            break
    return {place: _sha256(value)[:_PART_DIGITS] for place, value in places.items()}


def _places(
    value: object, place: str, field: str, depth: int | None
) -> Iterator[tuple[str, object]]:
    """Spelled as the job language does. What is in `field`, if that is no field of ours, was named
    by the client."""
    is_end = depth == 0 or not value
    below = None if depth is None else depth - 1
    if isinstance(value, dict) and not is_end:
        for name, item in value.items():
            is_given = field in _NAMED_BY_CLIENTS
            shown = name if is_given else _SPELLED.get(name) or to_camel(name)
            inner = field if is_given else name
            yield from _places(item, f"{place}.{shown}" if place else shown, inner, below)
    elif isinstance(value, list) and not is_end:
        for index, item in enumerate(value):
            yield from _places(item, f"{place}[{index}]", field, below)
    else:
        yield place, value
