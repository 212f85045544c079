"""What a worker tells of itself in heartbeats, so that executions can be placed on it."""

import asyncio
import platform
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.worker.capacity import Capacity, Resource
from services.worker.node.gpus import found_gpus
from services.worker.node.machine import resources_of_machine
from services.worker.runtime_watch import RuntimeWatch
from services.worker.runtimes.factory import engines_of
from services.worker.settings import WorkerSettings, capacity_of
from shared.definition.labels import as_label_value, parse_labels
from shared.definition.placement import DEFAULT_IMAGE
from shared.files.settings import FilesSettings
from shared.messages import Gpu, NodeDescription

_MEBIBYTE = 1024**2
_ELSEWHERE = frozenset({"docker", "podman"})
"""Runtimes whose tasks run outside the control group of the worker."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
"""As Go calls those that Python calls otherwise."""


class NodeDescriber:
    """What can change while a worker runs are its engines; `changed` is set when they have."""

    def __init__(
        self,
        settings: WorkerSettings,
        watch: RuntimeWatch,
        total: Capacity,
        gpus: Sequence[Gpu] = (),
    ) -> None:
        self._watch = watch
        self._has_default_image = bool(settings.runtime.default_image)
        self.total = total
        self.changed = asyncio.Event()
        self.description = NodeDescription(
            labels=labels_of(settings.worker.name, gpus) | parse_labels(settings.worker.labels),
            storages=storages_of(settings.files),
            publishers=publishers_of(settings.files),
            capacity={resource.key: amount for resource, amount in total.amounts.items()},
            max_executions=settings.max_executions,
            gpus=list(gpus),
        )

    async def look(self) -> None:
        """One round: which engines answer now."""
        await self._watch.look()
        engines = list(await engines_of(self._watch.runtime, is_up=not self._watch.missing()))
        if self._has_default_image and not _ELSEWHERE.isdisjoint(engines):
            engines.append(DEFAULT_IMAGE)
        if engines != self.description.engines:
            self.description = self.description.model_copy(update={"engines": engines})
            self.changed.set()


async def describe(settings: WorkerSettings, watch: RuntimeWatch) -> NodeDescriber:
    gpus = await found_gpus()
    machine = resources_of_machine(
        Path(settings.runtime.shell_workdir_root or tempfile.gettempdir()),
        is_limited=settings.runtime.type not in _ELSEWHERE,
    )
    machine[Resource.GPUS] = len(gpus)
    return NodeDescriber(settings, watch, capacity_of(settings, machine), gpus)


def labels_of(name: str, gpus: Sequence[Gpu]) -> dict[str, str]:
    """What is found on the machine, as Bacalhau spells it, in its documents as well."""
    system = sys.platform.removesuffix("32")  # linux, darwin, win
    machine = platform.machine().lower()
    architecture = _ARCHITECTURES.get(machine, machine)
    labels = {
        "os_type": system,
        "os_arch": architecture,
        "Operating-System": system,
        "Architecture": architecture,
        "name": as_label_value(name),
        "hostname": as_label_value(socket.gethostname()),
    }
    for number, gpu in enumerate(gpus):
        labels[f"GPU-{number}"] = as_label_value(gpu.name)
        labels[f"GPU-{number}-Memory"] = f"{gpu.memory // _MEBIBYTE}-MiB"
    return labels


def storages_of(files: FilesSettings) -> list[str]:
    """The kinds of `sources` that this worker can bring to a task."""
    return _those_that(
        {
            "artifact": files.is_on,
            "upload": files.is_on,
            "url": True,
            "s3": True,
            "ipfs": bool(files.ipfs_url),
            "inline": True,
            "local": bool(files.allowed_local_paths),
        }
    )


def publishers_of(files: FilesSettings) -> list[str]:
    """The kinds of `publish` that it can do; what an artifact is kept in is `store`."""
    return _those_that(
        {
            "store": files.is_on,
            "s3": True,
            "ipfs": bool(files.ipfs_url),
            "local": any(path.is_writable for path in files.allowed_local_paths),
        }
    )


def _those_that(can: Mapping[str, bool]) -> list[str]:
    return [name for name, is_there in can.items() if is_there]
