"""What the children of a task have kept, as one directory: a directory for each, in order, and a
manifest beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from shared.files.archives.members import Member, file_member
from shared.files.streams import of_bytes

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """`name` is its path in the child's directory."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ManifestChild:
    """`error` says why it failed; `attempt` counts from 0, None: it is not told."""

    index: int
    task_id: str
    state: str
    exit_code: int | None
    files: Sequence[ManifestFile] = ()
    attempt: int | None = None
    error: str | None = None


def child_directory(index: int, last_index: int) -> str:
    """So that names are in the order of the children."""
    return f"{index:0{len(str(last_index))}}"


def manifest(children: Sequence[ManifestChild]) -> Member:
    """The file beside the directories of the children."""
    shown = [
        {
            "index": child.index,
            "task": child.task_id,
            "state": child.state,
            "exitCode": child.exit_code,
            **({} if child.attempt is None else {"attempt": child.attempt}),
            **({} if child.error is None else {"error": child.error}),
            "files": [
                {"name": file.name, "size": file.size, "sha256": file.sha256}
                for file in child.files
            ],
        }
        for child in children
    ]
    text = orjson.dumps(shown, option=orjson.OPT_INDENT_2)
    return file_member(MANIFEST, len(text), of_bytes(text))
