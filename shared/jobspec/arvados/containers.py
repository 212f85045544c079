"""A container request of Arvados as it is submitted: its attributes, their types and its rules.

A draft may lack what it needs to run.
"""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.definition import parse_reference
from shared.jobspec.arvados.models import MOST_PRIORITY
from shared.jobspec.fields import EnvName
from shared.jobspec.file_rules import check_kept_path, check_target, directories_above
from shared.jobspec.problems import Place, Problem, field_path
from shared.jobspec.tork.explanations import problem_of
from shared.messages.queues import task_queue_error
from shared.process.redaction import Redactor

Tree = dict[str, Any]
Text = Annotated[str, Field(min_length=1, max_length=4096)]

READ_ONLY = frozenset(
    {
        "container_count",
        "container_uuid",
        "created_at",
        "cumulative_cost",
        "etag",
        "expires_at",
        "filters",
        "href",
        "kind",
        "log_uuid",
        "modified_at",
        "modified_by_client_uuid",
        "modified_by_user_uuid",
        "output_uuid",
        "owner_uuid",
        "requesting_container_uuid",
        "runtime_user_uuid",
        "uuid",
    }
)
"""What the server says of a request, and what Arvados ignores, too."""
_INLINE = ("json", "text")
_CONTENTS = (*_INLINE, "collection", "tmp")
_STREAMS = ("stdin", "stdout", "stderr")
_TWENTY_YEARS = 20 * 365 * 24 * 3600
_MOST_ATTEMPTS = 100


class _Part(BaseModel):
    model_config = ConfigDict(
        defer_build=True, frozen=True, strict=True, extra="forbid", hide_input_in_errors=True
    )


class RuntimeConstraints(_Part):
    """`ram` and what Keep would cache are numbers of bytes."""

    vcpus: Annotated[int, Field(ge=0, le=10_000)] = 0
    ram: Annotated[int, Field(ge=0, le=2**50)] = 0
    keep_cache_ram: Annotated[int, Field(ge=0)] = 0
    keep_cache_disk: Annotated[int, Field(ge=0)] = 0
    API: Literal[False] = False


class SchedulingParameters(_Part):
    """`max_run_time` is a number of seconds, 0 for any."""

    partitions: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=1)
    ] = []
    preemptible: bool = False
    max_run_time: Annotated[int, Field(ge=0, le=_TWENTY_YEARS)] = 0
    supervisor: Literal[False] = False


class ContainerRequest(_Part):
    name: Annotated[str | None, Field(max_length=255)] = None
    description: Annotated[str | None, Field(max_length=10_000)] = None
    properties: Tree = {}
    state: Literal["Uncommitted", "Committed"] = "Uncommitted"
    command: list[str] = []
    container_image: Annotated[str, Field(max_length=1024)] = ""
    environment: dict[EnvName, str] = {}
    cwd: Text = "."
    output_path: Annotated[str, Field(max_length=4096)] = ""
    mounts: dict[str, Tree] = {}
    secret_mounts: dict[str, Tree] = {}
    runtime_constraints: RuntimeConstraints = RuntimeConstraints()
    scheduling_parameters: SchedulingParameters = SchedulingParameters()
    priority: Annotated[int | None, Field(ge=0, le=MOST_PRIORITY)] = None
    container_count_max: Annotated[int, Field(ge=1, le=_MOST_ATTEMPTS)] = 3
    use_existing: bool = True
    output_name: Annotated[str | None, Field(max_length=255)] = None
    output_ttl: Annotated[int, Field(ge=0, le=_TWENTY_YEARS)] = 0
    output_properties: Tree = {}
    output_storage_classes: list[str] = ["default"]
    output_glob: Annotated[list[str], Field(max_length=0)] = []

    @property
    def is_committed(self) -> bool:
        return self.state == "Committed"


def checked_request(tree: Tree) -> tuple[ContainerRequest | None, list[Problem]]:
    """The request that `tree` is, or all that is wrong with it."""
    given = {
        name: value for name, value in tree.items() if name not in READ_ONLY and value is not None
    }
    try:
        request = ContainerRequest.model_validate(given)
    except ValidationError as error:  # the client's mistakes, each in our words
        details = error.errors(include_url=False)
        return None, [problem_of(one, Redactor(())) for one in details]
    problems = [*_mount_problems(request), *_path_problems(request)]
    if request.is_committed:
        problems += _missing(request)
    return (None, problems) if problems else (request, [])


def _missing(request: ContainerRequest) -> Iterator[Problem]:
    limits = request.runtime_constraints
    needed = {
        "command": request.command,
        "container_image": request.container_image,
        "output_path": request.output_path,
        "mounts": request.mounts,
        "runtime_constraints.vcpus": limits.vcpus,
        "runtime_constraints.ram": limits.ram,
        "priority": None if request.priority is None else True,
    }
    for field, value in needed.items():
        if not value:
            yield _problem(tuple(field.split(".")), "is required to commit the request")
    if request.output_path and not _is_within_tmp(request):
        yield _problem(("output_path",), "must be in a mount of the kind tmp")


def _is_within_tmp(request: ContainerRequest) -> bool:
    path = posixpath.normpath(request.output_path)
    targets = [target for target, mount in request.mounts.items() if mount.get("kind") == "tmp"]
    return any(
        path == target or path.startswith(f"{target}/")
        for target in map(posixpath.normpath, targets)
    )


def _path_problems(request: ContainerRequest) -> Iterator[Problem]:
    if request.cwd != ".":
        yield from _broken(("cwd",), request.cwd, _check_absolute)
    if request.output_path:
        yield from _broken(("output_path",), request.output_path, _check_absolute, check_kept_path)
    for queue in request.scheduling_parameters.partitions:
        if reason := task_queue_error(queue):
            place = ("scheduling_parameters", "partitions")
            yield _problem(place, f"must hold the name of a task queue: {reason}")


def _check_absolute(text: str) -> None:
    if not text.startswith("/") or "{{" in text:
        raise ValueError("must be an absolute path without '{{'")


def _mount_problems(request: ContainerRequest) -> Iterator[Problem]:
    for field, mounts, kinds in (
        ("mounts", request.mounts, _CONTENTS),
        ("secret_mounts", request.secret_mounts, _INLINE),
    ):
        for target, mount in mounts.items():
            place = (field, target)
            if target in _STREAMS:
                yield _problem(place, "is not supported: redirect within the command")
            else:
                yield from _broken(place, target, _check_absolute, check_target)
                yield from _content_problems(place, mount, kinds)
    yield from _place_problems(request)


def _place_problems(request: ContainerRequest) -> Iterator[Problem]:
    """Volumes may be in one another and in what is brought; what is brought is there as a whole."""
    fields = (("mounts", request.mounts), ("secret_mounts", request.secret_mounts))
    targets = [(field, target, mounts[target]) for field, mounts in fields for target in mounts]
    seen, brought = set[str](), set[str]()
    for field, target, mount in targets:
        place = posixpath.normpath(target)
        if place in seen:
            yield _problem((field, target), "is the place of another mount")
        seen.add(place)
        if mount.get("kind") != "tmp":
            brought.add(place)
    for field, target, mount in targets:
        for around in directories_above(posixpath.normpath(target)):
            if around in brought and mount.get("kind") != "tmp":
                yield _problem((field, target), f"must not be in the mount {around}")


def _content_problems(
    place: Place, mount: Mapping[str, Any], kinds: tuple[str, ...]
) -> Iterator[Problem]:
    kind = mount.get("kind")
    if kind not in kinds:
        yield _problem((*place, "kind"), f"must be one of {', '.join(kinds)}")
        return
    known = {"tmp": {"capacity"}, "collection": {"uuid", "portable_data_hash", "path", "writable"}}
    for name in mount.keys() - known.get(kind, {"content"}) - {"kind"}:
        yield _problem((*place, name), f"is unknown with the kind {kind}")
    if kind == "text" and not isinstance(mount.get("content"), str):
        yield _problem((*place, "content"), "must be text")
    if kind == "json" and "content" not in mount:
        yield _problem((*place, "content"), "is required")
    if kind == "collection":
        if mount.get("writable"):
            yield _problem((*place, "writable"), "must be false")
        if artifact_of(mount) is None:
            rule = "must be the output of a container, as this API shows it"
            yield _problem((*place, "portable_data_hash"), rule)


def artifact_of(mount: Mapping[str, Any]) -> str | None:
    """The reference to the artifact that a collection is; None: it is no reference to one."""
    name = mount.get("portable_data_hash") or mount.get("uuid")
    path = mount.get("path") or ""
    if not isinstance(name, str) or not isinstance(path, str):
        return None
    text = f"{name}/{path.strip('/')}".rstrip("/")
    try:
        return text if parse_reference(text).job_id else None
    except ValueError:  # what the caller says of it
        return None


def _broken(place: Place, text: str, *checks: Callable[[str], None]) -> Iterator[Problem]:
    try:
        for check in checks:
            check(text)
    except ValueError as error:  # the rule, in our words
        yield _problem(place, str(error))


def _problem(place: Place, rule: str) -> Problem:
    return Problem(field_path(place), rule, place=place)
