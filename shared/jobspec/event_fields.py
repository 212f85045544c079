"""The fields that expressions of webhooks can read of what an event is about."""

from collections.abc import Collection, Mapping

PHASE_CHANGE = "job.PhaseChange"
"""The event of a job that has phases."""

_COMMON = (
    *("id", "parentId", "name", "description", "state", "result", "error", "tags", "position"),
    *("progress", "createdAt", "scheduledAt", "startedAt", "completedAt", "failedAt"),
)
_OF: Mapping[str, Collection[str]] = {
    "job": (*_COMMON, "phase", "inputs", "taskCount", "createdBy", "schedule"),
    "task": (*_COMMON, "jobId", "var", "nodeId", "attempt", "at"),
    "job.createdBy": ("id", "username", "name", "createdAt"),
    "job.schedule": ("id", "cron", "scheduledAt"),
}
SCHEDULE_FIELDS = ("id", "name", "tags", "scheduledAt", "until", "reason", "jobId")
ENDPOINT_FIELDS = (
    *("id", "description", "receiver", "failingSince", "error", "disabledAt", "disabledReason"),
)


def go_name(name: str) -> str:
    """As conditions written for Tork read it: the field of a Go struct."""
    if name == "id":
        return "ID"
    stem = name.removesuffix("Id")
    return stem[0].upper() + stem[1:] + ("ID" if stem != name else "")


def _in_both(names: Collection[str]) -> frozenset[str]:
    return frozenset(names) | frozenset(map(go_name, names))


EVENT_FIELDS: Mapping[str, frozenset[str]] = {
    **{place: _in_both(names) for place, names in _OF.items()},
    "job.CreatedBy": _in_both(_OF["job.createdBy"]),
    "job.Schedule": _in_both(_OF["job.schedule"]),
    "schedule": frozenset(SCHEDULE_FIELDS),
    "endpoint": frozenset(ENDPOINT_FIELDS),
}
"""By the path of the struct."""
