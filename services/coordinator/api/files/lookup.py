"""What a path below /jobs/{id}/files names: `<task>/<artifact>`, and perhaps a path in it.

`<task>` is a `var`, a name or an id; after one with children the index of a child may follow.
Without it all children are meant: what they have kept under that name, as one directory. Of a task
that is a job one of that job's tasks may follow. Without it the one that has kept the artifact is
meant.
"""

import re
from dataclasses import dataclass

from aiohttp import web

from conveyor.extensions.files import FileStore
from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import Conflict, NotFound
from services.coordinator.api.requests import path_id, ports
from services.coordinator.store import artifacts
from services.coordinator.store.artifacts import ArtifactRow, FilesOfJob, NamedTask, SeveralTasks
from shared.files.archives import IndexEntry, find_entry

_INDEX = re.compile(r"[0-9]{1,9}")
_LONGEST_PATH = 8192


@dataclass(frozen=True, slots=True)
class OfChildren:
    """What the children of a task have kept under a name."""

    parent_id: str
    name: str


@dataclass(frozen=True, slots=True)
class OfTask:
    """An artifact, or with an `entry` what is in a directory."""

    artifact: ArtifactRow
    entry: IndexEntry | None = None

    @property
    def is_directory(self) -> bool:
        if self.entry is None:
            return self.artifact.files is not None
        return self.entry.kind == "directory"

    @property
    def inside(self) -> str:
        return self.entry.path if self.entry else ""


def opened_store(request: web.Request) -> FileStore:
    """Raises Conflict."""
    store = ports(request).files
    if store is None:
        raise Conflict("this server keeps no files: its operator has not set CONVEYOR_FILES_STORE")
    return store


async def files_of_job(request: web.Request) -> FilesOfJob:
    """Raises NotFound for what is not there, or not for this principal."""
    readers = principal(request).readers
    found = await ports(request).run(artifacts.job_with_files, path_id(request, "job"), readers)
    if found is None:
        raise NotFound("no such job")
    return found


async def found_at(request: web.Request, job_id: str, path: str) -> OfChildren | OfTask:
    """Raises NotFound, and Conflict where several tasks have the name."""
    segments = path.rstrip("/").split("/")
    # Postgres has no NUL, and UTF-8 no surrogates.
    if not _is_text(path) or len(path) > _LONGEST_PATH:
        raise NotFound("no such file")
    task = await _task(request, job_id, segments.pop(0))
    task = await _child(request, task, segments)
    if not segments:
        raise NotFound("no such file: the name of an artifact must follow that of its task")
    name = ""
    while (subjob_id := task.subjob_id) is not None:
        if not name and (named := await _named(request, subjob_id, segments)):
            task = named
            continue
        name = name or segments.pop(0)
        task = await _keeper(request, subjob_id, name)
        task = await _child(request, task, segments)
    return await _kept(request, task, name or segments.pop(0), "/".join(segments))


async def _named(request: web.Request, job_id: str, segments: list[str]) -> NamedTask | None:
    """The task of a sub-job with whose name `segments` begin, where it has kept the artifact that
    follows; what leads to it is taken from `segments`."""
    run, (name, *rest) = ports(request).run, segments
    try:
        found = await run(artifacts.task_named, job_id, name) if rest else None
        task = found and await _child(request, found, rest)
    except (SeveralTasks, NotFound):  # it may be an artifact, and what is in it
        return None
    if task is None or not rest:
        return None
    if task.has_children:
        is_there = await run(artifacts.have_children_kept, task.id, rest[0])
    else:
        is_there = task.subjob_id is not None or bool(await run(artifacts.kept_by, task, rest[0]))
    if not is_there:
        return None
    segments[:] = rest
    return task


async def _child(request: web.Request, task: NamedTask, segments: list[str]) -> NamedTask:
    """At any depth; the indexes that lead to it are taken from `segments`."""
    while task.has_children and segments and _INDEX.fullmatch(segments[0]):
        child = await ports(request).run(artifacts.child_of, task.id, int(segments[0]))
        if child is None:
            raise NotFound(f"no such file: the task has no child {segments[0]}")
        task = child
        del segments[0]
    return task


async def _keeper(request: web.Request, job_id: str, name: str) -> NamedTask:
    """The task of a sub-job."""
    try:
        found = await ports(request).run(artifacts.keeper_of, job_id, name)
    except SeveralTasks:
        text = f"several tasks of the sub-job {job_id} have kept an artifact {_shown(name)}"
        raise Conflict(text) from None
    if found is None:
        raise _not_kept(name)
    return found


async def _task(request: web.Request, job_id: str, name: str) -> NamedTask:
    try:
        found = await ports(request).run(artifacts.task_named, job_id, name)
    except SeveralTasks:
        raise Conflict(f"several tasks of the job are called {_shown(name)}: use an id") from None
    if found is None:
        raise NotFound(f"no such file: the job has had no task {_shown(name)} yet")
    return found


async def _kept(
    request: web.Request, task: NamedTask, name: str, inside: str
) -> OfChildren | OfTask:
    run = ports(request).run
    if task.has_children:
        if not await run(artifacts.have_children_kept, task.id, name):
            raise _not_kept(name)
        if inside:
            raise NotFound("no such file: the index of a child must follow the name of its task")
        return OfChildren(task.id, name)
    kept = await run(artifacts.kept_by, task, name)
    if not kept:
        raise _not_kept(name)
    return OfTask(kept[0], await entry_of(request, kept[0], inside))


def _not_kept(name: str) -> NotFound:
    return NotFound(f"no such file: the task has kept no artifact {_shown(name)}")


async def entry_of(request: web.Request, artifact: ArtifactRow, inside: str) -> IndexEntry | None:
    if not inside:
        return None
    entry = None
    if artifact.files is not None:
        store = opened_store(request)
        entry = await find_entry(store, artifact.object, inside, artifact.sha256)
    if entry is None or not (entry.has_content or entry.kind == "directory"):
        raise NotFound(f"no such file: {_shown(inside)} is not in the artifact")
    return entry


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in path


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 80 else f"{name[:80]}…")
