"""What is in the store as trees of files, to be sent as one tar."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from conveyor.extensions.files import FileStore
from services.coordinator.store.artifacts import (
    ArtifactRow,
    ChildRow,
    TaskPlace,
    newest_artifacts,
)
from services.coordinator.store.family_artifacts import subjobs_of
from shared.files.archives import Member, below, file_member, opened_index, read_tar, under
from shared.files.archives.children import (
    ManifestChild,
    ManifestFile,
    child_directory,
    manifest,
)
from shared.files.archives.members import DIRECTORY_MODE, Members
from shared.files.transfers import whole
from shared.postgres.pool import Pool

_LONGEST_LABEL = 100


@dataclass(frozen=True, slots=True)
class Kept:
    """An artifact in the store; `files` is None of a single file."""

    object: str
    file_name: str
    size: int
    sha256: str
    files: int | None
    mode: int

    @classmethod
    def of(cls, row: ArtifactRow) -> "Kept":
        return cls(row.object, row.file_name, row.size, row.sha256, row.files, row.mode)

    @classmethod
    def of_child(cls, row: ChildRow, object_: str) -> "Kept":
        known = row.file_name or "", row.size or 0, row.sha256 or "", row.files
        return cls(object_, *known, row.mode or 0)


async def tree_of(store: FileStore, kept: Kept, root: str = "", inside: str = "") -> Members:
    """In the directory `root`; of a directory only what is `inside` of that."""
    if kept.files is None:
        content = whole(store, kept.object, sha256=kept.sha256)
        path = f"{root}/{kept.file_name}" if root else kept.file_name
        yield file_member(path, kept.size, content, kept.mode)
        return
    async with opened_index(store, kept.object, kept.sha256) as (head, _):
        digest = head.archive_sha256
    archive = read_tar(whole(store, kept.object, sha256=digest))
    async for member in under(root, below(inside, archive)):
        yield member


async def tree_of_children(
    store: FileStore, children: AsyncIterator[ChildRow], last_index: int
) -> Members:
    """As a task is brought them."""
    noted = list[ManifestChild]()
    async for row in children:
        root, files = child_directory(row.child_index, last_index), list[ManifestFile]()
        if row.object is not None:
            yield Member(root, "directory", DIRECTORY_MODE)
            kept = Kept.of_child(row, row.object)
            files = await _files_in(store, kept)
            async for member in tree_of(store, kept, root):
                yield member
        ended = row.state, row.exit_code
        noted.append(ManifestChild(row.child_index, row.task_id, *ended, files, row.attempt))
    yield manifest(noted)


async def _files_in(store: FileStore, kept: Kept) -> list[ManifestFile]:
    if kept.files is None:
        return [ManifestFile(kept.file_name, kept.size, kept.sha256)]
    async with opened_index(store, kept.object, kept.sha256) as (_, entries):
        return [
            ManifestFile(entry.path, entry.size, entry.sha256)
            async for entry in entries
            if entry.has_content
        ]


async def tree_of_job(
    store: FileStore, pool: Pool, job_id: str, task: str = "", attempt: int | None = None
) -> Members:
    """`<task>/<artifact>/…`, and `<task>/<index>/<artifact>/…` of children. Of a task that is a job
    its directory has that job's."""
    folders = _Folders()
    async for row in newest_artifacts(pool, job_id, task, attempt):
        folder = "/".join([folders.of(row), _segment(row.name)])
        async for member in tree_of(store, Kept.of(row), folder):
            yield member
    async for subjob in subjobs_of(pool, job_id, task):
        folder = folders.of(subjob.holder)
        inner = tree_of_job(store, pool, subjob.id, "" if subjob.is_meant else task, attempt)
        async for member in under(folder, inner):
            yield member


class _Folders:
    """The directory of each task, none of another with the same name."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def of(self, row: TaskPlace) -> str:
        place = row.parent_id or f"{row.position}"
        label, *index = path_of(row)
        if self._owners.setdefault(label, place) != place:
            label = f"{label}-{row.parent_id or row.task_id}"
        return "/".join([label, *index])


def path_of(row: TaskPlace) -> list[str]:
    """What a path calls the task, or the task whose child it is and its index."""
    index = [] if row.child_index is None else [str(row.child_index)]
    return [_label_of(row), *index]


def _label_of(row: TaskPlace) -> str:
    if row.parent_id is None:
        return _segment(row.var or row.task_name) or row.task_id
    if row.is_deep:  # the name of the one above would not tell which
        return row.parent_id
    return _segment(row.parent_var or row.parent_name or "") or row.parent_id


def _segment(name: str) -> str:
    """ "" where it can't be one of a path."""
    is_plain = name.isprintable() and "/" not in name and name not in (".", "..")
    return name if is_plain and len(name) <= _LONGEST_LABEL else ""
