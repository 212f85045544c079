"""What there is on this machine: processors, memory, disk, within the limits of the worker."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from services.worker.capacity import Resource

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def resources_of_machine(directory: Path, *, is_limited: bool) -> dict[Resource, int]:
    """`directory` is on the disk that tasks write to: what is free of it counts. `is_limited`: its
    tasks run within the control group of the worker."""
    found = {
        Resource.MILLICPUS: 1000 * _processors(),
        Resource.MEMORY: psutil.virtual_memory().total,
        Resource.DISK: shutil.disk_usage(directory).free,
    }
    limits = cgroup_limits() if is_limited else {}
    return {
        resource: min(amount, limits.get(resource, amount)) for resource, amount in found.items()
    }


def cgroup_limits(root: Path = _ROOT, own: Path = _OWN) -> Mapping[Resource, int]:
    """The lowest of the control groups that this process is in, of version 2 or 1."""
    limits: dict[Resource, int] = {}
    for directory in _groups(root, own):
        for resource, limit in _limits_in(directory):
            limits[resource] = min(limit, limits.get(resource, limit))
    return limits


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS has no such call


def _groups(root: Path, own: Path) -> Iterator[Path]:
    """The directory of each group from that of this process up. In a container its path may be that
    of the machine: only its end, the root, exists then."""
    text = own.read_text() if own.exists() else ""
    for line in text.splitlines():
        _, names, path = line.split(":", 2)
        mount = root / names if names else root
        group = mount / path.strip("/")
        while group != mount:
            yield group
            group = group.parent
        yield mount


def _limits_in(directory: Path) -> Iterator[tuple[Resource, int]]:
    for name in ("memory.max", "memory.limit_in_bytes"):
        if (limit := _number(directory / name)) is not None:
            yield Resource.MEMORY, limit
    quota, _, period = _text(directory / "cpu.max").partition(" ")
    if not quota:
        quota = _text(directory / "cpu.cfs_quota_us")
        period = _text(directory / "cpu.cfs_period_us")
    if quota.isdigit() and period.isdigit():
        yield Resource.MILLICPUS, 1000 * int(quota) // int(period)


def _number(file: Path) -> int | None:
    text = _text(file)
    return int(text) if text.isdigit() else None


def _text(file: Path) -> str:
    with contextlib.suppress(OSError):  # of the other version, or not of this controller
        return file.read_text().strip()
    return ""
