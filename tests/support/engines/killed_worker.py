"""A worker's runtime in a process of its own, to be killed in the middle of a task.

`python -m tests.support.engines.killed_worker KIND ADDRESS NODE` runs a task with a volume, a
sidecar and a pre that is over, and prints a line when its main container runs.
"""

import asyncio
import sys

from conveyor.extensions.tasks import TaskSpec
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from tests.support.engines.tasks_with_everything import everything


async def main(kind: str, address: str, node: str) -> None:
    field = "docker_host" if kind == "docker" else "podman_socket"
    runtime = make_runtime(RuntimeSettings.model_validate({"type": kind, field: address}))
    spec = TaskSpec(
        task_id="t", job_id="j", node_id=node, run="echo main; sleep 1000", **everything(node)
    )

    async def log(data: bytes, stream: int = 1) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()

    execution = runtime.execution(spec, log, print)
    await execution.prepare()
    await execution.start()
    await execution.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
