"""What the stages of a partitioned task can't have, and must have."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.expressions import has_expression
from shared.jobspec.partition.builtins import Stage, params_problems
from shared.jobspec.problems import Breach
from shared.jobspec.tork.models.files import Source
from shared.jobspec.tork.models.placement import Placement
from shared.jobspec.tork.models.policies import Spec

_OF_WHOLE_TASKS = {
    **{name: name for name in ("parallel", "each", "spawn", "subjob", "partition", "placement")},
    "var": "var",
    "if_": "if",
    "allow_failure": "allowFailure",
}
_NOT_OF_SPAWNS = {name: name for name in ("parallel", "each", "spawn", "subjob", "partition")}
_NOT_OF_SPAWNED_EXECUTIONS = {
    "count": "there are as many as are made",
    "update": "what has begun keeps its version",
}
_PROGRAMS = ("image", "run", "cmd", "entrypoint", "wasm")
_NOT_BUILT_IN = {
    **{name: name for name in (*_PROGRAMS, "registry", "files", "workdir", "pre", "post")},
    **{name: name for name in ("sidecars", "mounts", "networks", "network", "gpus", "privileged")},
    "large_result": "largeResult",
    "success_codes": "successCodes",
}


def stage_breaches(task: Spec, stage: Stage | None) -> Iterator[Breach]:
    """Of the fields of a stage, which are read by their names: the model is still to be made. The
    task for each chunk has no built-in programs: its `stage` is None."""
    fields = task.__dict__
    yield from _given(fields, _OF_WHOLE_TASKS, "is not for a stage of a partition")
    if stage == "partition":
        rule = "is not for split: what it splits are the sources of the task itself"
        yield from _given(fields, {"sources": "sources"}, rule)
    if fields.get("builtin"):
        yield from _given(fields, _NOT_BUILT_IN, "can't be combined with builtin")
        yield from _builtin_breaches(fields, stage or "partition")
        if fields.get("layout"):
            yield Breach(("layout",), "is only for a program: a builtin finds results by itself")
    elif fields.get("params"):
        yield Breach(("params",), "is only for a builtin: a program gets partition.params")
    elif not any(fields.get(name) for name in _PROGRAMS):
        or_builtin = "" if stage is None else "builtin, "
        yield Breach((), f"must have {or_builtin}image, run, cmd or wasm: there is nothing to run")


def spawn_breaches(task: Spec) -> Iterator[Breach]:
    """Of the fields of the task that a spawn runs."""
    fields: Mapping[str, Any] = task.__dict__
    yield from _given(fields, _NOT_OF_SPAWNS, "is not for a spawn: its task runs a program")
    rule = "is not for a spawn: the tasks that another has made would be missing"
    yield from _given(fields, {"reuse": "reuse"}, rule)
    if (placement := fields.get("placement")) is not None:
        yield from _spawned_execution_breaches(placement, fields.get("sources") or ())
    if not any(fields.get(name) for name in (*_PROGRAMS, *_NOT_OF_SPAWNS)):
        yield Breach((), "must have image, run, cmd or wasm: there is nothing to run")


def _spawned_execution_breaches(
    placement: Placement, sources: Sequence[Source]
) -> Iterator[Breach]:
    for field, reason in _NOT_OF_SPAWNED_EXECUTIONS.items():
        if getattr(placement, field) is not None:
            yield Breach(("placement", field), f"is not for a spawn: {reason}")
    if placement.type == "ops":
        rule = "must be batch for a spawn: each of its tasks runs on one node"
        yield Breach(("placement", "type"), rule, placement.type)
    for index, source in enumerate(sources):
        if source.s3 and source.s3.partition:
            rule = "is not for a spawn: each of its tasks gets all objects"
            yield Breach(("sources", index, "s3", "partition"), rule)


def _given(fields: Mapping[str, object], names: Mapping[str, str], rule: str) -> Iterator[Breach]:
    for field, name in names.items():
        if fields.get(field):
            yield Breach((name,), rule)


def _builtin_breaches(fields: Mapping[str, object], stage: Stage) -> Iterator[Breach]:
    name, params = str(fields["builtin"]), fields.get("params") or {}
    if not isinstance(params, dict) or _has_expression(params):
        return  # the worker checks them once they are evaluated
    for place, rule in params_problems(stage, name, params):
        yield Breach(("params", *place) if place else ("builtin",), rule)


def _has_expression(value: object) -> bool:
    match value:
        case str():
            return has_expression(value)
        case dict():
            return any(map(_has_expression, value.values()))
        case list():
            return any(map(_has_expression, value))
        case _:
            return False
