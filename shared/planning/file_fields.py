"""Evaluates what a task says of files, and checks it again: its rules are those of a submission."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import TypeVar

from shared.definition import (
    Artifact,
    Partition,
    Publication,
    S3Object,
    Source,
    TaskDefinition,
    changed,
)
from shared.expressions import has_expression
from shared.jobspec import file_rules as rules
from shared.jobspec.headers import check_header_value
from shared.jobspec.partition_rules import partition_problems
from shared.jobspec.urls import check_url

_Text = Callable[[str, str], str]
"""Gives the text of a template; the first names the field."""
_Part = Source | Artifact | Publication | S3Object | Partition
P = TypeVar("P", bound=_Part)


def has_files(task: TaskDefinition) -> bool:
    return bool(task.sources or task.artifacts or task.publish or task.large_result)


def file_templates(task: TaskDefinition) -> Iterator[str]:
    """Every text of it that is evaluated."""
    yield task.large_result or ""
    parts: list[_Part] = [*task.sources, *task.artifacts, *task.publish]
    for part in parts:
        yield from _texts(part)


def rendered_files(task: TaskDefinition, text: _Text) -> TaskDefinition:
    return changed(
        task,
        sources=tuple(_rendered(s, _source(n), text) for n, s in enumerate(task.sources, 1)),
        artifacts=tuple(
            _rendered(a, f"artifacts[{n}].", text) for n, a in enumerate(task.artifacts)
        ),
        publish=tuple(_rendered(p, f"publish[{n}].", text) for n, p in enumerate(task.publish)),
        large_result=text("largeResult", task.large_result) if task.large_result else None,
    )


def broken_rules(task: TaskDefinition) -> Iterator[str]:
    """Of a task that is evaluated: where, and which rule. No value is told: it may be secret."""
    for number, source in enumerate(task.sources, 1):
        yield from _broken(source, _source(number), _SOURCE_RULES)
        for value in source.headers.values():
            yield from _unless_passes(f"{_source(number)}headers", value.strip(), _HEADER)
        if source.s3 is not None:
            yield from _broken_s3(source.s3, f"{_source(number)}s3.")
        for field, rule in rules.source_problems(source):
            yield f"{_source(number)}{field} {rule}"
    for number, artifact in enumerate(task.artifacts):
        yield from _broken(artifact, f"artifacts[{number}].", _ARTIFACT_RULES)
    for number, publication in enumerate(task.publish):
        yield from _broken(publication, f"publish[{number}].", _PUBLICATION_RULES)
        if publication.s3 is not None:
            yield from _broken(publication.s3, f"publish[{number}].s3.", _TO_S3_RULES)
    if task.large_result:
        yield from _unless_passes("largeResult", task.large_result, rules.check_artifact_name)
    yield from _broken_together(task)


def _broken_s3(s3: S3Object, where: str) -> Iterator[str]:
    yield from _broken(s3, where, _S3_RULES)
    if s3.partition is not None:
        for field, rule in partition_problems(s3.partition):
            yield f"{where}partition.{field} {rule}"


def _broken_together(task: TaskDefinition) -> Iterator[str]:
    names = [artifact.name for artifact in task.artifacts]
    for index, rule in rules.name_problems(names, task.large_result or ""):
        yield f"artifacts[{index}].name {rule}"
    taken = [*(mount.target for mount in task.mounts if mount.target), *task.files]
    targets = [rules.target_of(source) for source in task.sources]
    for index, rule in rules.target_problems(targets, taken, task.workdir or ""):
        yield f"{_source(index + 1)}target {rule}"
    known = {*names, task.large_result, task.bundle}
    for number, publication in enumerate(task.publish):
        if publication.artifact and publication.artifact not in known:
            yield f"publish[{number}].artifact must be an artifact of the task"


def _source(number: int) -> str:
    """As errors of a worker name it."""
    return f"source {number}: "


_NAMES: Mapping[type, tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind))
    for kind in (Source, Artifact, Publication, S3Object, Partition)
}
"""Of the fields, which are asked for with each part of each child."""


def _texts(part: _Part) -> Iterator[str]:
    for name in _NAMES[type(part)]:
        match getattr(part, name):
            case str() as text:
                yield text
            case dict() as texts:
                yield from texts.values()
            case S3Object() | Partition() as inner:
                yield from _texts(inner)


def _rendered(part: P, where: str, text: _Text) -> P:
    if not any(map(has_expression, _texts(part))):
        return part
    made: dict[str, object] = {}
    for name in _NAMES[type(part)]:
        match getattr(part, name):
            case str() as template if template:
                made[name] = text(where + name, template)
            case dict() as texts if texts:
                made[name] = {k: text(f"{where}{name}.{k}", v) for k, v in texts.items()}
            case S3Object() | Partition() as inner:
                made[name] = _rendered(inner, f"{where}{name}.", text)
    return changed(part, **made)


_Check = Callable[[str], object]
_HEADER: _Check = check_header_value
_SOURCE_RULES: Mapping[str, _Check] = {
    "artifact": rules.check_reference,
    "upload": rules.check_upload_name,
    "url": rules.check_source_url,
    "ipfs": rules.check_ipfs,
    "inline": rules.check_inline,
    "local": rules.check_local,
    "target": rules.check_target,
    "sha256": rules.check_sha256,
}
_ANY_S3_RULES: Mapping[str, _Check] = {
    "bucket": rules.check_bucket,
    "region": rules.check_region,
    "endpoint": check_url,
    "credentials": rules.check_credentials,
}
_S3_RULES = {**_ANY_S3_RULES, "key": rules.check_key, "filter": rules.check_filter}
_TO_S3_RULES = {**_ANY_S3_RULES, "key": rules.check_published_key}
_ARTIFACT_RULES: Mapping[str, _Check] = {
    "name": rules.check_artifact_name,
    "path": rules.check_kept_path,
}
_PUBLICATION_RULES: Mapping[str, _Check] = {"local": rules.check_published_local}


def _broken(part: _Part, where: str, checks: Mapping[str, _Check]) -> Iterator[str]:
    for name, check in checks.items():
        if (value := getattr(part, name)) is not None and (value or name in _REQUIRED):
            yield from _unless_passes(where + name, value, check)


_REQUIRED = (
    "artifact",
    "upload",
    "url",
    "ipfs",
    "local",
    "target",
    "bucket",
    "key",
    "name",
    "path",
)
"""They may be evaluated to nothing, and then are still needed."""


def _unless_passes(where: str, value: str, check: _Check) -> Iterator[str]:
    try:
        check(value)
    except ValueError as error:
        yield f"{where} {error}"
