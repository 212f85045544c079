"""The limits of shell tasks: a control group for each task that has some, version 2 or 1."""

import contextlib
import os
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import TaskSpec

_ROOT = Path("/sys/fs/cgroup")
_PERIOD_MICROSECONDS = 100_000
_LEAST_QUOTA_MICROSECONDS = 1_000
_CONTROLLERS = ("memory", "cpu")
_OWN = "conveyor-worker"


class _NotHere(Exception):
    """Limits can't be kept on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One task's, as directories: one in all, or one for each controller."""

    directories: Sequence[Path]

    def add(self, pid: int) -> None:
        """Raises OSError."""
        for directory in self.directories:
            (directory / "cgroup.procs").write_text(str(pid))

    @property
    def was_out_of_memory(self) -> bool:
        for directory in self.directories:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):  # the other version's, or not of this controller
                    if re.search(r"^oom_kill [1-9]", (directory / name).read_text(), re.MULTILINE):
                        return True
        return False

    def remove(self) -> bool:
        """With all that is in it; False when that takes a while."""
        left = [directory for directory in self.directories if not _removed(directory)]
        return not left


class Cgroups:
    def __init__(self, root: Path = _ROOT, own: str = "/proc/self/cgroup") -> None:
        self._root = root
        self._own = own
        self._parents: Sequence[Path] | None = None
        self._pending: list[Cgroup] = []

    def make(self, name: str, spec: TaskSpec) -> Cgroup | None:
        """The group for a task with limits, None for one without any.

        Raises RuntimeRejected where this worker can't keep them.
        """
        if spec.cpus is None and spec.memory_bytes is None:
            return None
        group = Cgroup(())
        try:
            if self._parents is None:
                self._parents = self._found()
            group = Cgroup([parent / name for parent in self._parents])
            for directory in group.directories:
                directory.mkdir()
                _set_limits(directory, spec)
        except (OSError, _NotHere) as error:
            self.remove(group)
            raise RuntimeRejected(
                f"limits are not supported by the shell runtime here ({error}): name an image, "
                "or give the worker a control group that it can write"
            ) from error
        return group

    def remove(self, group: Cgroup) -> None:
        """Now, or at the next `remove_pending`."""
        if not group.remove():
            self._pending.append(group)

    def remove_pending(self) -> None:
        self._pending = [group for group in self._pending if not group.remove()]

    def named(self, pattern: str) -> list[Path]:
        """The directories of groups, whoever made them."""
        return [each for parent in self._parents or () for each in parent.glob(pattern)]

    def _found(self) -> Sequence[Path]:
        """Where groups are made. Raises OSError, _NotHere."""
        own = dict(_own_groups(Path(self._own).read_text()))
        if (self._root / "cgroup.controllers").exists():
            parent = self._existing(self._root, own.get("", "/"))
            _delegate(parent)
            return [parent]
        return [self._existing(self._root / name, own.get(name, "/")) for name in _CONTROLLERS]

    def _existing(self, root: Path, path: str) -> Path:
        """In a container the path may be that of the machine, and the mount that of the group."""
        place = root / path.lstrip("/")
        if not (place / "cgroup.procs").exists():
            place = root
        if not (place / "cgroup.procs").exists():
            raise _NotHere(f"no control group at {place}")
        return place


def _own_groups(text: str) -> Sequence[tuple[str, str]]:
    """Each controller (of version 2: "") with the path of this process's group."""
    lines = [line.split(":", 2) for line in text.splitlines()]
    return [(name, path) for _, names, path in lines for name in names.split(",")]


def _delegate(parent: Path) -> None:
    """Let groups within `parent` have limits. A group with processes in it can't, so ours move."""
    wanted = {f"+{name}" for name in _CONTROLLERS}
    control = parent / "cgroup.subtree_control"
    missing = wanted - {f"+{name}" for name in control.read_text().split()}
    if not missing:
        return
    own = parent / _OWN
    own.mkdir(exist_ok=True)
    for pid in (parent / "cgroup.procs").read_text().split():
        if int(pid) == os.getpid() or _parent_of(int(pid)) == os.getpid():
            (own / "cgroup.procs").write_text(pid)
    control.write_text(" ".join(sorted(missing)))


def _parent_of(pid: int) -> int:
    with contextlib.suppress(OSError):  # it ended meanwhile
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _set_limits(directory: Path, spec: TaskSpec) -> None:
    """Those that this directory's controllers know. Raises OSError."""
    for name, value in _limits(spec).items():
        if (file := directory / name).exists():
            file.write_text(value)


def _limits(spec: TaskSpec) -> Mapping[str, str]:
    limits: dict[str, str] = {}
    if spec.memory_bytes is not None:
        memory = str(spec.memory_bytes)
        limits |= {"memory.max": memory, "memory.swap.max": "0"}
        limits |= {"memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes": memory}
    if spec.cpus is not None:
        quota = max(round(spec.cpus * _PERIOD_MICROSECONDS), _LEAST_QUOTA_MICROSECONDS)
        limits |= {"cpu.max": f"{quota} {_PERIOD_MICROSECONDS}"}
        limits |= {
            "cpu.cfs_period_us": str(_PERIOD_MICROSECONDS),
            "cpu.cfs_quota_us": str(quota),
        }
    return limits


def kill_and_reap(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):  # reaped by someone else
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _removed(directory: Path) -> bool:
    try:
        for pid in (directory / "cgroup.procs").read_text().split():
            kill_and_reap(int(pid))
        directory.rmdir()
    except FileNotFoundError:  # it was never made
        return True
    except OSError:  # its dead are still being counted
        return False
    return True
