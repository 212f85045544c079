"""What stands around a task's own container: mounts, tasks before and after it and beside it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from shared.jobspec import fields as f
from shared.jobspec.problems import Breach, refuse
from shared.jobspec.tork import task_fields as t
from shared.jobspec.tork.models.policies import Registry, Spec


class Mount(Spec):
    """Storage in the task's container. `pre`, `post` and sidecars see it too."""

    type: t.MountType
    """`volume`: empty, removed after the task. `bind`: a directory of the worker's machine, if its
    operator allows it. `tmpfs`: in memory. Workers may know further types."""
    source: f.ShortText | None = None
    """Of a bind: the directory. A volume and a tmpfs have none."""
    target: f.ShortText | None = None
    """Where the task finds it: an absolute path, not `/tork` or below."""
    opts: f.Mapped[f.Key, f.Value] | None = None
    """Settings that the type of mount knows."""

    @model_validator(mode="after")
    def _rules_of_its_type(self) -> "Mount":
        refuse(list(_mount_breaches(self)))
        return self


_TakesSource = bool
_KNOWN_MOUNTS: Mapping[str, _TakesSource] = {"volume": False, "bind": True, "tmpfs": False}


def _mount_breaches(mount: Mount) -> Iterator[Breach]:
    if mount.type in _KNOWN_MOUNTS:
        yield from _known_mount_breaches(mount, _KNOWN_MOUNTS[mount.type])
    checks: list[_PathCheck] = [t.mount_path_error]
    yield from _path_breaches("source", mount.source, checks)
    if mount.target and mount.target.startswith("/"):
        checks.append(t.mount_target_error)
    yield from _path_breaches("target", mount.target, checks)


def _known_mount_breaches(mount: Mount, takes_source: _TakesSource) -> Iterator[Breach]:
    if takes_source and not mount.source:
        yield Breach(("source",), f"is required for a {mount.type}")
    if mount.source and not takes_source:
        yield Breach(("source",), f"a {mount.type} has no source", mount.source)
    if not mount.target:
        yield Breach(("target",), f"is required for a {mount.type}")
    if takes_source:
        yield from _path_breaches("source", mount.source, [t.absolute_path_error])
    yield from _path_breaches("target", mount.target, [t.absolute_path_error])


_PathCheck = Callable[[str], str | None]


def _path_breaches(field: str, path: str | None, checks: list[_PathCheck]) -> Iterator[Breach]:
    for check in checks:
        if path and (rule := check(path)):
            yield Breach((field,), rule, path)


class AuxTask(Spec):
    """A task that belongs to another and shares its worker, mounts, networks and limits."""

    elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            "mounts",
            "networks",
            "network",
            "limits",
            "sources",
            "artifacts",
            "publish",
            "largeResult",
        ),
        "is shared: set it on the task this belongs to",
    )

    name: f.OptionalName | None = None
    """For people; may hold expressions."""
    description: f.Description | None = None
    """For people."""
    image: f.Image | None = None
    """The container image, with its tag; may hold expressions. Default: that of the task."""
    registry: Registry | None = None
    """The login for the image, if it is private. Default: that of the task, with its image."""
    cmd: f.Listed[f.Template] | None = None
    """The command's arguments; they may hold expressions. Default: the image's."""
    entrypoint: f.Listed[str] | None = None
    """The program and its first arguments. Default: the image's, or `sh -c` with `run`."""
    run: str | None = None
    """A shell script. Not evaluated: pass values in by `env`."""
    env: f.Mapped[f.EnvName, f.TemplateValue] | None = None
    """Environment variables by name; values may hold expressions."""
    files: f.Mapped[f.FileName, f.Value] | None = None
    """Texts by path, written below the working directory before it starts."""
    timeout: f.PositiveDuration | None = None
    """How long it may run. Default: as long as the task."""


class Probe(Spec):
    """How a sidecar shows that it is ready: by HTTP (`port` and `path`), TCP (`port`), or a
    `command`."""

    path: t.ProbePath | None = None
    """What is asked for by HTTP, such as `/health`: ready is what answers 200. Default: it is ready
    when the port takes a connection."""
    port: t.Port | None = None
    """Where the sidecar listens."""
    command: Annotated[list[str], Field(min_length=1)] | None = None
    """What is run in the sidecar, again and again until its exit code is 0: `[pg_isready]`."""
    timeout: f.PositiveDuration | None = None
    """A sidecar that is not ready after this long fails the task. Default: 1m."""

    @model_validator(mode="after")
    def _one_way_to_ask(self) -> "Probe":
        if self.command is None and self.port is None:
            refuse([Breach(("port",), "is required" if self.path else "or command is required")])
        if self.command is not None:
            given = [name for name in ("port", "path") if getattr(self, name) is not None]
            refuse([Breach((name,), "can't be combined with command") for name in given])
        return self


class Sidecar(AuxTask):
    """Runs beside the task, on a network of their own where its name is its host name, and is
    stopped with it."""

    probe: Probe | None = None
    """The task starts when this succeeds. Default: at once."""
