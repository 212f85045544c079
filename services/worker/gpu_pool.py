"""The GPUs of this machine, handed to tasks by their numbers: no two tasks share one.

A task holds them from its preparation to its end. It seldom waits: who took it from its queue has
counted. It does where it names devices that another has.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from conveyor.extensions.runtimes import STOPPED, Archive, Execution, Outcome, RuntimeRejected
from conveyor.extensions.tasks import TaskSpec
from shared.definition.gpus import device_requests

Make = Callable[[TaskSpec], Execution]


class GpuPool:
    def __init__(self, indexes: Sequence[str]) -> None:
        """`indexes`: how the runtimes name the devices that were found, none where none was."""
        self._all = tuple(dict.fromkeys(indexes))
        self._free = list(self._all)
        self._changed = asyncio.Condition()

    def execution(self, spec: TaskSpec, make: Make) -> Execution:
        """What `make` gives, once it has its devices. Where none were found, an engine may know
        more than the worker."""
        return WithGpus(self, spec, make) if spec.gpus and self._all else make(spec)

    async def take(self, text: str, is_stopped: Callable[[], bool]) -> tuple[str, ...]:
        """The devices for `gpus` as it is spelled; none when it `is_stopped`. Raises
        RuntimeRejected for more than there are."""
        wanted = self._wanted(text)
        async with self._changed:
            await self._changed.wait_for(lambda: is_stopped() or self._chosen(wanted) is not None)
            chosen = self._chosen(wanted)
            if is_stopped() or chosen is None:
                return ()
            for each in chosen:
                self._free.remove(each)
            return chosen

    async def give_back(self, devices: Sequence[str]) -> None:
        async with self._changed:
            self._free = [each for each in self._all if each in (*self._free, *devices)]
            self._changed.notify_all()

    async def look_again(self) -> None:
        """Somebody who waits is stopped."""
        async with self._changed:
            self._changed.notify_all()

    def _wanted(self, text: str) -> int | tuple[str, ...]:
        """How many, or which. Raises RuntimeRejected."""
        try:
            [request] = device_requests(text)
        except ValueError as error:
            raise RuntimeRejected(str(error)) from error
        named = tuple(dict.fromkeys(request.get("DeviceIDs", ())))
        if unknown := [each for each in named if each not in self._all]:
            raise RuntimeRejected(f"gpus {text!r}: this worker has no device {unknown[0]!r}")
        count = int(request.get("Count", 0))
        if count > len(self._all):
            raise RuntimeRejected(f"gpus {text!r}: this worker has {len(self._all)}")
        return named or (len(self._all) if count < 0 else count)

    def _chosen(self, wanted: int | tuple[str, ...]) -> tuple[str, ...] | None:
        if isinstance(wanted, tuple):
            return wanted if set(wanted) <= set(self._free) else None
        return tuple(self._free[:wanted]) if wanted <= len(self._free) else None


class WithGpus:
    """An `Execution` that is made of another when its devices are there."""

    def __init__(self, pool: GpuPool, spec: TaskSpec, make: Make) -> None:
        self._pool = pool
        self._spec = spec
        self._make = make
        self._devices: tuple[str, ...] = ()
        self._execution: Execution | None = None
        self._is_stopped = False

    async def prepare(self) -> None:
        gpus = self._spec.gpus or ""
        self._devices = await self._pool.take(gpus, lambda: self._is_stopped)
        if self._devices:
            self._execution = self._make(replace(self._spec, gpu_devices=self._devices))
            await self._execution.prepare()

    async def bring(self, target: str, archive: Archive) -> None:
        await self._prepared.bring(target, archive)

    async def start(self) -> None:
        if self._execution is not None:
            await self._execution.start()

    async def wait(self) -> Outcome:
        return STOPPED if self._execution is None else await self._execution.wait()

    def take(self, path: str) -> AbstractAsyncContextManager[Archive]:
        return self._prepared.take(path)

    async def terminate(self) -> None:
        await self._stop_waiting()
        if self._execution is not None:
            await self._execution.terminate()

    async def stop(self) -> None:
        await self._stop_waiting()
        if self._execution is not None:
            await self._execution.stop()

    async def close(self) -> None:
        if self._execution is not None:
            await self._execution.close()
        await self._pool.give_back(self._devices)
        self._devices = ()

    async def _stop_waiting(self) -> None:
        self._is_stopped = True
        await self._pool.look_again()

    @property
    def _prepared(self) -> Execution:
        if self._execution is None:
            raise RuntimeError("prepare comes first")
        return self._execution
