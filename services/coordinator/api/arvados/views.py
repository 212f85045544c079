"""A job in the shape of Arvados."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from services.coordinator.store.arvados_jobs import ArvadosJob
from services.coordinator.store.rows import GUEST
from shared.jobspec.arvados.uuids import CLIENT, NODE, SYSTEM_USER, USER, uuid_of
from shared.planning.disclosure import Redacting

Tree = dict[str, Any]

STATES = {
    "PENDING": "Queued",
    "SCHEDULED": "Queued",
    "RUNNING": "Running",
    "COMPLETED": "Complete",
    "FAILED": "Failed",
    "CANCELLED": "Cancelled",
}
_SUCCESS = {"COMPLETED": True, "FAILED": False, "CANCELLED": False}
_LOCATOR = re.compile(r"[0-9a-f]{32}(\+[A-Za-z0-9@_-]+)*")
_SHOWN = ("script", "script_version", "supplied_script_version", "repository", "submit_id",
          "script_parameters", "runtime_constraints", "description", "priority",
          "nondeterministic")  # fmt: skip


def user_uuid(identity: str | None) -> str:
    return uuid_of(USER, identity or GUEST)


def node_uuid(node_id: str) -> str:
    return uuid_of(NODE, node_id)


def etag_of(*parts: object) -> str:
    """Another one for each version of a thing."""
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()


def shown_job(job: ArvadosJob, redact: Redacting) -> Tree:
    document = redact.value({name: job.document.get(name) for name in _SHOWN})
    is_cancelled, is_running = job.state == "CANCELLED", job.state == "RUNNING"
    client = job.cancelled_by_client if is_cancelled else None
    return {
        "uuid": job.uuid,
        "kind": "arvados#job",
        "href": f"/jobs/{job.uuid}",
        "etag": etag_of(job.version, job.modified_at, job.state),
        "owner_uuid": user_uuid(job.created_by),
        "created_at": job.created_at,
        "modified_at": job.modified_at,
        "modified_by_user_uuid": user_uuid(job.modified_by),
        "modified_by_client_uuid": None,
        **document,
        "script_name": document["script"],
        "resource_limits": document["runtime_constraints"],
        "script_parameters_digest": _digest(document["script_parameters"]),
        "state": STATES[job.state],
        "running": is_running,
        "success": _SUCCESS.get(job.state),
        "started_at": job.started_at,
        "finished_at": job.finished_at if job.state in ("COMPLETED", "FAILED") else None,
        "cancelled_at": job.cancelled_at if is_cancelled else None,
        "cancelled_by_user_uuid": user_uuid(job.cancelled_by) if is_cancelled else None,
        "cancelled_by_client_uuid": uuid_of(CLIENT, client) if client else None,
        "is_locked_by_uuid": _holder(job),
        "tasks_summary": _tasks_summary(job),
        "queue_position": 0 if STATES[job.state] == "Queued" else None,
        "output": redact.value(job.result) or None,
        "log": f"/jobs/{job.id}/log" if job.started_at else None,
        "node_uuids": [node_uuid(id_) for id_ in job.node_ids],
        "components": {},
        "dependencies": sorted(_locators(document["script_parameters"])),
    }


def _holder(job: ArvadosJob) -> str | None:
    """A job that runs is the system's."""
    if job.is_locked:
        return user_uuid(job.locked_by)
    return SYSTEM_USER if job.state == "RUNNING" else None


def _locators(value: object) -> set[str]:
    """Of contents, in texts at any depth."""
    if isinstance(value, str):
        return {value} if _LOCATOR.fullmatch(value) else set()
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {found for part in parts for found in _locators(part)}


def _digest(parameters: Any) -> str:  # noqa: ANN401 - JSON
    text = json.dumps(parameters, sort_keys=True, separators=(",", ":"))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _tasks_summary(job: ArvadosJob) -> Mapping[str, int]:
    """The first of its tasks is to do before it has begun."""
    has_begun = any(job.tasks_summary.values())
    is_queued = STATES[job.state] == "Queued"
    return {**job.tasks_summary, "todo": 1} if is_queued and not has_begun else job.tasks_summary
