"""Why a task runs that may be reused, and what it comes nearest to."""

from collections.abc import Mapping
from enum import StrEnum

from shared.definition import Encoded
from shared.lifecycle import Job
from shared.planning.fingerprint import task_places
from shared.planning.reuse import differing
from shared.process.sealing import is_sealed_text

MOST_DIFFERENCES_OF_TASK = 5
"""That are told of each: a job may have thousands that run."""


class Miss(StrEnum):
    NEW = "new"
    """No task of its owner completed the same work, and none is near."""
    DIFFERENT = "different"
    """The same, and one at its place did other work."""
    IMAGE = "image"
    FILES = "files"
    SPACE = "space"
    RESTARTED = "restarted"
    BANNED = "banned"


def why_not_kept(job: Job, more_bytes: int | None, most_bytes: int | None) -> Miss | None:
    """Why the job can't have the files of an earlier task, if it can't; None: it kept none. In a
    restarted one an earlier attempt may have kept what would have to go."""
    if more_bytes is None:
        return None
    if job.restarts:
        return Miss.RESTARTED
    is_room = most_bytes is None or job.kept_bytes + more_bytes <= most_bytes
    return None if is_room else Miss.SPACE


def miss_of(reason: Miss, task_id: str | None = None) -> Mapping[str, object]:
    """As it is kept of a task. `task_id` is the one that did the same work."""
    return {"reason": reason.value} | ({"task_id": task_id} if task_id else {})


def difference_to(definition: Encoded, task_id: str, near: Encoded) -> Mapping[str, object]:
    """`near` is the definition of the task with `task_id`. No differences: these are secret."""
    places = differing(_in_clear(definition), _in_clear(near))
    few = places[:MOST_DIFFERENCES_OF_TASK]
    return {**miss_of(Miss.DIFFERENT, task_id), "differences": few, "count": len(places)}


def _in_clear(definition: Encoded) -> dict[str, object]:
    places = task_places(definition)
    return {place: "" if is_sealed_text(value) else value for place, value in places.items()}
