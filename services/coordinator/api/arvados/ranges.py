"""Which commits of a repository a new job may be answered with, if not only with its own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.coordinator.api.errors import Unprocessable
from shared.jobspec.arvados.constraints import image_of
from shared.jobspec.arvados.models import Job, is_ref

RANGE_NAMES = ("minimum_script_version", "exclude_script_versions")

_MOST_NAMES = 100


@dataclass(frozen=True, slots=True)
class CommitRange:
    """From each of `since` to the job's own commit, both included, but for `excluded`; without
    `since`, only its own. All are names of commits; of hashes in `only`, if given, no others."""

    since: Sequence[str] = ()
    excluded: Sequence[str] = ()
    only: Sequence[str] | None = None


def range_of(given: Mapping[str, Any], job: Job) -> CommitRange | None:
    """Of a create: None for the job's own commit. `filters` take the place of the names of older
    clients. Raises Unprocessable."""
    if given.get("filters"):
        return _filtered(given["filters"], job)
    minimum, excluded = (given.get(name) for name in RANGE_NAMES)
    since = _names(RANGE_NAMES[0], minimum or [])
    without = _names(RANGE_NAMES[1], excluded or [])
    return CommitRange(since, without) if since or without else None


def _filtered(filters: object, job: Job) -> CommitRange:
    since, excluded, only, named = list[str](), list[str](), list[list[str]](), set[str]()
    own = {
        "repository": job.repository,
        "script": job.script,
        "docker_image_locator": image_of(job.runtime_constraints),
    }
    for attribute, operator, operand in _conditions(filters):
        read = _names if attribute == "script_version" else _texts
        texts = read(f"filters: {attribute}", operand)
        match attribute, operator:
            case "repository" | "script" | "docker_image_locator", "=" | "in" | "in docker":
                if own[attribute] not in texts:
                    only.append([])  # no job is both
            case "script_version", "in git":
                since += texts
            case "script_version", "not in git" | "not in" | "!=":
                excluded += texts
            case "script_version", "=" | "in":
                only.append(list(texts))
            case _:
                raise Unprocessable(f"filters: {attribute} {operator} is not supported here")
        named.add(attribute)
    if not {"repository", "script"} <= named:
        raise Unprocessable("filters: must name a repository and a script")
    left = tuple(one for one in only[0] if all(one in some for some in only)) if only else None
    return CommitRange(tuple(since), tuple(excluded), left)


def _conditions(filters: object) -> Sequence[tuple[str, str, object]]:
    if not isinstance(filters, list) or not all(_is_condition(one) for one in filters):
        raise Unprocessable("filters: must be a list of [attribute, operator, operand]")
    return [(name, operator.lower(), operand) for name, operator, operand in filters]


def _is_condition(one: object) -> bool:
    return isinstance(one, list) and len(one) == 3 and all(isinstance(x, str) for x in one[:2])


def _names(name: str, value: object) -> Sequence[str]:
    """Of commits."""
    names = _texts(name, value)
    if len(names) > _MOST_NAMES or not all(map(is_ref, names)):
        raise Unprocessable(f"{name}: must be at most {_MOST_NAMES} names without blanks or '..'")
    return names


def _texts(name: str, value: object) -> Sequence[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, Collection) or not all(isinstance(text, str) for text in texts):
        raise Unprocessable(f"{name}: must be a text or a list of texts")
    return tuple(str(text) for text in texts if text)
