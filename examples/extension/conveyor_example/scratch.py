"""The mount type `scratch`: an empty directory on a disk of the worker's machine, for one task.

EXAMPLE_SCRATCH_ROOT in the worker's environment is where these directories are made; the container
engine must see them under the same path.
"""

import asyncio
import os
import shutil
import tempfile

from conveyor.extensions.mounts import MountContext, MountPoint
from conveyor.extensions.runtimes import RuntimeRejected, RuntimeUnavailable
from conveyor.extensions.tasks import Mount

_ANYBODY = 0o777  # whichever user the image runs as
_PREFIX = "conveyor-scratch-"


async def scratch(mount: Mount, context: MountContext) -> MountPoint:
    root = os.environ.get("EXAMPLE_SCRATCH_ROOT")
    if root is None:
        raise RuntimeRejected("mount of type scratch: this worker has no EXAMPLE_SCRATCH_ROOT")
    if mount.source or mount.opts:
        raise RuntimeRejected("mount of type scratch: it takes a target and nothing else")
    try:
        directory = await asyncio.to_thread(_make, root)
    except OSError as error:  # full or read-only: another worker may do better
        raise RuntimeUnavailable(f"no scratch directory: {error}") from error
    context.on_close(lambda: asyncio.to_thread(shutil.rmtree, directory))
    return MountPoint(mounts=({"Type": "bind", "Source": directory, "Target": mount.target},))


def _make(root: str) -> str:
    directory = tempfile.mkdtemp(prefix=_PREFIX, dir=root)
    os.chmod(directory, _ANYBODY)
    return directory
