"""The event listener `change-file`: appends every change of every job to a file, a line each.

EXAMPLE_CHANGE_FILE in the dispatcher's environment names the file. A change may come twice:
`job_id` and `version` together tell which one it is.
"""

import asyncio
import json
import os

from conveyor.extensions.listeners import Change


async def append_changes(changes: list[Change]) -> None:
    await asyncio.to_thread(_append, os.environ["EXAMPLE_CHANGE_FILE"], changes)


def _append(name: str, changes: list[Change]) -> None:
    lines = "".join(f"{json.dumps(change)}\n" for change in changes)
    with open(name, "a", encoding="utf-8") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())  # whoever returns is not told of these again
