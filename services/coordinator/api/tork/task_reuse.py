"""Why a task with `reuse` runs, in words."""

from collections.abc import Mapping
from typing import Any

from services.coordinator.api.replies import Fields, set_fields
from shared.planning.disclosure import Redacting

_MESSAGES = {
    "new": "no task of the same owner completed this work before",
    "image": "the name of its image refers to another image now",
    "files": "files that the earlier task kept are no longer there",
    "space": "with the files of the earlier task the job would keep too much",
    "banned": "the job of the earlier task was banned from reuse",
    "restarted": "its job was restarted, and the task keeps files",
}
_SECRET = "what is secret"  # noqa: S105 - the words for it


def shown_miss(miss: Mapping[str, Any], redact: Redacting) -> Fields:
    """The answer's `reuseMiss`."""
    places = redact.value(miss.get("differences"))
    message = _MESSAGES.get(miss["reason"]) or _difference(places, miss.get("count", 0))
    count = miss.get("count") or None
    told = {"taskId": miss.get("task_id"), "differences": places, "count": count}
    return {"reason": miss["reason"], "message": message} | set_fields(told)


def _difference(places: list[str] | None, count: int) -> str:
    if not places:
        return f"the nearest task differs in {_SECRET}"
    more = count - len(places)
    rest = f" and {more:,} more" if more else ""
    return f"the nearest task differs in {', '.join(places)}{rest}"
