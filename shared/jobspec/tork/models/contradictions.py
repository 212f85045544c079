"""What can't be combined with what in a task: it runs a program, or it is made of others."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence

from shared.expressions import has_expression
from shared.jobspec.partition.stages import SOURCE_DIR
from shared.jobspec.problems import Breach, Place
from shared.jobspec.tork.models.files import Source
from shared.jobspec.tork.models.placement import Placement, Wasm
from shared.jobspec.tork.models.policies import Spec

_Names = Mapping[str, str]
"""Fields to their names on the wire."""


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_COMPOSITES = ("parallel", "each", "spawn", "subjob", "partition")
_ONLY_TO_RUN: _Names = {
    **_same("image", "cmd", "entrypoint", "run", "env", "queue", "pre", "post", "sidecars"),
    **_same("mounts", "retry", "limits", "timeout", "privileged", "sources", "artifacts"),
    **_same("publish", "network", "wasm", "placement", "reuse"),
    "large_result": "largeResult",
    "queue_timeout": "queueTimeout",
    "grace_period": "gracePeriod",
    "stop_signal": "stopSignal",
    "success_codes": "successCodes",
}
"""What only a task that runs something can have."""
_NOT_PARTITIONED = {field: name for field, name in _ONLY_TO_RUN.items() if field != "sources"}
_ONLY_OF_CONTAINERS: _Names = {
    **_same("image", "registry", "entrypoint", "run", "pre", "post", "sidecars", "mounts"),
    **_same("networks", "gpus", "privileged"),
}


def contradictions(task: Spec, *, is_spawned: bool) -> Iterator[Breach]:
    """Of the fields of a task, which are read by their names: the model is still to be made. How
    often one that `is_spawned` runs is told by those that make it."""
    fields = task.__dict__
    made_of = [name for name in _COMPOSITES if fields[name] is not None]
    for name in made_of[1:]:
        rule = f"can't be combined with {made_of[0]}: a task has one of {_one_of(_COMPOSITES)}"
        yield Breach((name,), rule)
    if made_of:
        is_partition = made_of[0] == "partition"
        yield from _beside(made_of[0], fields, _NOT_PARTITIONED if is_partition else _ONLY_TO_RUN)
        if is_partition:
            yield from _outside_of_source_dir(fields["sources"] or ())
        return
    if (placement := fields["placement"]) is not None:
        yield from _beside_placement(placement, fields)
        if not is_spawned:
            yield from _fewer_than_nodes(placement)
    else:
        for index, source in enumerate(fields["sources"] or ()):
            if source.s3 and source.s3.partition:
                rule = "is only for a task with a placement: it deals out to its executions"
                yield Breach(("sources", index, "s3", "partition"), rule)
    if fields["network"] is not None and fields["networks"]:
        yield Breach(("networks",), "can't be combined with network: a task has one of them")
    if fields["wasm"] is not None:
        yield from _beside("wasm", fields, _ONLY_OF_CONTAINERS)
        targets = [source.target for source in fields["sources"] or ()]
        yield from _modules_without_source(fields["wasm"], targets, fields["workdir"] or "")


def _one_of(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _outside_of_source_dir(sources: Sequence[Source]) -> Iterator[Breach]:
    for index, source in enumerate(sources):
        if source.target.startswith("/") and not source.target.startswith(f"{SOURCE_DIR}/"):
            rule = "must be relative: split finds it below $SOURCE_DIR"
            yield Breach(("sources", index, "target"), rule, source.target)


def _beside(what: str, fields: Mapping[str, object], others: _Names) -> Iterator[Breach]:
    for field, name in others.items():
        if fields[field]:
            yield Breach((name,), f"can't be combined with {what}")


def _beside_placement(placement: Placement, fields: Mapping[str, object]) -> Iterator[Breach]:
    if fields["queue"]:
        rule = "can't be combined with placement: executions go to nodes, not to a queue"
        yield Breach(("queue",), rule)
    resources = placement.resources
    if fields["gpus"] and resources and (resources.gpus or resources.gpu):
        yield Breach(("gpus",), "can't be combined with the gpus of placement.resources")


def _fewer_than_nodes(placement: Placement) -> Iterator[Breach]:
    """Of its executions."""
    count = 1 if placement.count is None else placement.count
    if isinstance(count, int) and (placement.min_nodes or 0) > count:
        yield Breach(("placement", "minNodes"), f"must not be more than count, {count}")


def _modules_without_source(wasm: Wasm, targets: Sequence[str], workdir: str) -> Iterator[Breach]:
    """A source may bring a directory, so a module may be below its target."""
    if any(map(has_expression, targets)):
        return
    brought = {_placed(target, workdir) for target in targets}
    named: list[tuple[Place, str]] = [(("wasm", "module"), wasm.module)]
    named += [(("wasm", "imports", name), path) for name, path in (wasm.imports or {}).items()]
    for place, path in named:
        if not has_expression(path) and brought.isdisjoint(_at_or_above(_placed(path, workdir))):
            yield Breach(place, "must be where one of the sources of the task puts a module", path)


def _placed(path: str, workdir: str) -> str:
    return posixpath.normpath(posixpath.join(workdir, path))


def _at_or_above(path: str) -> Iterable[str]:
    while path not in ("", "/"):
        yield path
        path = posixpath.dirname(path)
