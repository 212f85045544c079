"""The files of executions that may outlive their worker: one each, in the state directory.

Whoever owns it writes it anew as a whole, so a reader sees one state or the next.
"""

import contextlib
import json
import os

from services.worker.watchdog.args import Key


def path_of(directory: str, key: Key) -> str:
    return os.path.join(directory, f"{key[0]}.{key[1]}.json")


def owner_of(directory: str, key: Key) -> str | None:
    """The id of the worker that holds the execution; None when nobody does."""
    try:
        with open(path_of(directory, key), "rb") as file:
            return str(json.load(file)["owner"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def forget(directory: str, key: Key) -> None:
    with contextlib.suppress(OSError):  # it was there no longer
        os.unlink(path_of(directory, key))
