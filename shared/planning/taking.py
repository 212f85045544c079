"""What the sources of a task stand for: artifacts of earlier tasks, and uploads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.definition import (
    Source,
    TakenArtifact,
    TakenChild,
    TaskDefinition,
    TaskList,
    changed,
    parse_reference,
)
from shared.expressions import has_expression
from shared.planning.templates import JobSource

MOST_CHILDREN = 20_000
"""Of a task whose children's artifacts are brought as one directory."""


@dataclass(frozen=True, slots=True)
class WantedArtifact:
    """`text` is the reference, evaluated; a task of `job_id` takes it, which `created_by` has made.
    `at` as in `Source`."""

    job_id: str
    created_by: str | None
    text: str
    at: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class WantedUpload:
    id: str


Wanted = WantedArtifact | WantedUpload


@dataclass(frozen=True, slots=True)
class NotThere:
    reason: str


Found = TakenArtifact | tuple[TakenChild, ...] | NotThere
Files = Mapping[Wanted, Found]
NO_FILES: Files = {}


def takes_kept_files(task: TaskDefinition) -> bool:
    return any(map(_is_wanted, _sources(task)))


def _sources(task: TaskDefinition) -> tuple[Source, ...]:
    """And what its chunks are in, of which nothing is brought to it."""
    if task.each is None or task.each.chunks is None:
        return task.sources
    return (*task.sources, Source(target="", artifact=task.each.chunks))


def _is_wanted(source: Source) -> bool:
    """Of a partitioned task, the first stage has sources for which this is done."""
    is_taken = source.taken is not None or source.children is not None
    return bool(source.artifact or source.upload) and not is_taken


def wanted_by(task: TaskDefinition, job: JobSource, text: Callable[[str], str]) -> set[Wanted]:
    """`text` evaluates a template."""
    found: set[Wanted] = set()
    for source in _sources(task):
        if _is_wanted(source):
            artifact, upload = text(source.artifact or ""), text(source.upload or "")
            wanted = _wanted(job, changed(source, artifact=artifact, upload=upload))
            found |= {wanted} if wanted else set()
    return found


def _wanted(job: JobSource, source: Source) -> Wanted | None:
    """Of an evaluated source. None: an upload that the job does not have."""
    if source.artifact:
        return WantedArtifact(job.job_id, job.created_by, source.artifact, source.at)
    upload_id = job.uploads.get(source.upload or "")
    return WantedUpload(upload_id) if upload_id else None


class CannotTake(Exception):
    """A source stands for nothing; the text names it by its number and says why."""


def with_taken(task: TaskDefinition, job: JobSource, files: Files) -> TaskDefinition:
    """An evaluated task with what its sources stand for. Raises CannotTake."""
    if not takes_kept_files(task):
        return task
    return changed(
        task,
        sources=tuple(
            _with_taken(n, source, job, files) for n, source in enumerate(task.sources, 1)
        ),
    )


def _with_taken(number: int, source: Source, job: JobSource, files: Files) -> Source:
    if not _is_wanted(source):
        return source
    wanted = _wanted(job, source)
    if wanted is None:
        raise CannotTake(f"source {number}: the job has no upload {source.upload!r}")
    match files.get(wanted, _CHANGES):
        case NotThere(reason):
            raise CannotTake(f"source {number}: {reason}")
        case TakenArtifact() as taken if taken.path and taken.files is None:
            raise CannotTake(f"source {number}: {source.artifact!r} is a path in what is one file")
        case TakenArtifact() as taken if (
            source.extract and taken.files is not None and not taken.path
        ):
            raise CannotTake(
                f"source {number}: extract: {source.artifact!r} is a directory already"
            )
        case TakenArtifact() as taken:
            return changed(source, taken=taken, at=())
        case children if source.extract:
            raise CannotTake(
                f"source {number}: extract: {source.artifact!r} is a directory already"
            )
        case children:
            return changed(source, children=children, at=())


def chunks_of(reference: str, job: JobSource, files: Files) -> int:
    """How many there are in the artifact. Raises CannotTake."""
    match files.get(WantedArtifact(job.job_id, job.created_by, reference), _CHANGES):
        case TakenArtifact(chunks=int() as count):
            return count
        case NotThere(reason):
            raise CannotTake(reason)
        case _:
            raise CannotTake(f"{reference!r} is no artifact of chunks")


_CHANGES = NotThere("its expressions give something else each time")


@dataclass(slots=True)
class _Places:
    tasks: TaskList
    taker: int = field(default=0)
    """The position of the task that takes."""

    def of(self, source: Source) -> tuple[int, ...]:
        """Where the task stands that it means, if the text tells."""
        if not source.artifact or has_expression(source.artifact):
            return ()
        try:
            reference = parse_reference(source.artifact)
        except ValueError:  # another language's, or another version's: told when it is planned
            return ()
        named = () if reference.job_id else self.tasks.named(reference.task)
        found = {n.at for n in named if self.tasks.is_before(n.at[0], self.taker)}
        return found.pop() if len(found) == 1 else ()


def with_places(tasks: tuple[TaskDefinition, ...]) -> tuple[TaskDefinition, ...]:
    """A job's own tasks; in their sources, where the task stands that each means."""
    if not any(map(_takes_artifacts, tasks)):
        return tasks
    places = _Places(TaskList(tasks))
    made = []
    for places.taker, task in enumerate(tasks, start=1):
        made.append(_with_places(task, places) if _takes_artifacts(task) else task)
    return tuple(made)


def _with_places(task: TaskDefinition, places: _Places) -> TaskDefinition:
    sources = tuple(changed(source, at=places.of(source)) for source in task.sources)
    if each := task.each:
        task = changed(task, each=changed(each, task=_with_places(each.task, places)))
    if spawn := task.spawn:
        task = changed(task, spawn=changed(spawn, task=_with_places(spawn.task, places)))
    if parallel := task.parallel:
        children = tuple(_with_places(child, places) for child in parallel.tasks)
        task = changed(task, parallel=changed(parallel, tasks=children))
    return changed(task, sources=sources)


def _takes_artifacts(task: TaskDefinition) -> bool:
    if task.each is not None:
        return _takes_artifacts(task.each.task)
    if task.spawn is not None:
        return _takes_artifacts(task.spawn.task)
    if task.parallel is not None:
        return any(map(_takes_artifacts, task.parallel.tasks))
    return any(source.artifact for source in task.sources)
