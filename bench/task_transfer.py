"""`python -m bench.task_transfer RUNTIME ENGINE MEGABYTES`: files into a task of it, and out again.

Prints seconds of `bring`, seconds of `take`, and in MB the growth of this process' memory and the
most that it had.
"""

import asyncio
import resource
import sys
import tempfile
import time

import uvloop

from bench.file_transfer import content
from conveyor.extensions.tasks import Place, TaskSpec
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from shared.files.archives import Member, write_tar
from shared.files.archives.members import Members
from tests.support.engines.images import BUSYBOX


async def _members(megabytes: int) -> Members:
    yield Member("large", "file", size=megabytes * 1024 * 1024, content=content(megabytes))


async def main(kind: str, engine: str, megabytes: str) -> None:
    with tempfile.TemporaryDirectory(prefix="conveyor-bench-task-") as folder:
        settings = {"type": kind, "docker_host": engine or None, "shell_workdir_root": folder}
        runtime = make_runtime(RuntimeSettings.model_validate(settings))
        image = None if kind == "shell" else BUSYBOX
        spec = TaskSpec(
            task_id="bench",
            job_id="bench",
            node_id="bench",
            image=image,
            run="true",
            places=(Place(target="in"),),
        )
        execution = runtime.execution(spec, _no_log, lambda _: None)
        try:
            await execution.prepare()
            before, began = _peak_kilobytes(), time.perf_counter()
            await execution.bring("in", write_tar(_members(int(megabytes))))
            brought = time.perf_counter()
            await execution.start()
            await execution.wait()
            ended = time.perf_counter()
            async with execution.take("in") as archive:
                async for _ in archive:
                    pass
            taken = time.perf_counter()
            peak = _peak_kilobytes()
            print(brought - began, taken - ended, (peak - before) / 1000, peak / 1000)
        finally:
            await execution.close()
            await runtime.close()


async def _no_log(data: bytes, stream: int = 1) -> None:
    await asyncio.sleep(0)


def _peak_kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
