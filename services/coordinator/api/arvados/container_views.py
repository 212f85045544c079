"""Requests for containers, and containers, in the shape of Arvados."""

from typing import Any

from services.coordinator.api.arvados.views import etag_of, user_uuid
from services.coordinator.api.usage import price_of
from services.coordinator.store.container_requests import RequestRow
from shared.jobspec.arvados.container_compilation import OUTPUT
from shared.jobspec.arvados.uuids import CONTAINER, SYSTEM_USER, uuid_from
from shared.lifecycle import JobState
from shared.planning.disclosure import Redacting

Tree = dict[str, Any]

_STATES = {"RUNNING": "Running", "COMPLETED": "Complete", "CANCELLED": "Cancelled"}
_OF_CONTAINER = ("command", "container_image", "cwd", "environment", "mounts", "output_glob",
                 "output_path", "output_storage_classes", "runtime_constraints",
                 "scheduling_parameters")  # fmt: skip


def container_uuid(job_id: str) -> str:
    return uuid_from(CONTAINER, job_id)


def container_state(row: RequestRow) -> str:
    """Complete is one whose program has ended, with whatever exit code."""
    if row.state == "FAILED":
        return "Complete" if row.failure_cause == "exit" else "Cancelled"
    return _STATES.get(row.state or "", "Queued")


def is_final(row: RequestRow) -> bool:
    return row.state is not None and JobState(row.state).is_final


def request_state(row: RequestRow) -> str:
    if row.job_id is None:
        return "Uncommitted"
    return "Final" if is_final(row) else "Committed"


def shown_request(row: RequestRow, redact: Redacting) -> Tree:
    return {
        "uuid": row.id,
        "kind": "arvados#containerRequest",
        "href": f"/container_requests/{row.id}",
        "etag": etag_of(row.id, row.modified_at, row.state, row.attempts),
        "owner_uuid": user_uuid(row.created_by),
        "created_at": row.created_at,
        "modified_at": row.modified_at,
        "modified_by_user_uuid": user_uuid(row.modified_by),
        "modified_by_client_uuid": None,
        **redact.value(dict(row.document)),
        "state": request_state(row),
        "container_uuid": container_uuid(row.job_id) if row.job_id else None,
        "container_count": row.attempts or int(row.job_id is not None),
        "requesting_container_uuid": None,
        "cumulative_cost": _cost(row),
        "output_uuid": _output(row) if is_final(row) else None,
        "log_uuid": _log(row),
    }


def shown_container(row: RequestRow, redact: Redacting) -> Tree:
    job_id, state = row.job_id or "", container_state(row)
    uuid, is_over = container_uuid(job_id), is_final(row)
    return {
        "uuid": uuid,
        "kind": "arvados#container",
        "href": f"/containers/{uuid}",
        "etag": etag_of(job_id, row.state, row.attempts, row.progress, row.highest_priority),
        "owner_uuid": SYSTEM_USER,
        "created_at": row.job_created_at,
        "modified_at": row.ended_at or row.started_at or row.job_created_at,
        "modified_by_user_uuid": SYSTEM_USER,
        "modified_by_client_uuid": None,
        **redact.value({name: row.document[name] for name in _OF_CONTAINER}),
        "state": state,
        "priority": 0 if is_over else row.highest_priority,
        "started_at": row.started_at,
        "finished_at": row.ended_at,
        "exit_code": row.exit_code if state == "Complete" else None,
        "progress": (row.progress or 0) / 100,
        "runtime_status": _runtime_status(row, redact),
        "output": _output(row),
        "log": _log(row),
        "cost": _cost(row),
        "subrequests_cost": 0.0,
        "locked_by_uuid": SYSTEM_USER if state == "Running" else None,
        "lock_count": row.attempts,
        "auth_uuid": None,
        "gateway_address": None,
        "interactive_session_started": False,
    }


def _runtime_status(row: RequestRow, redact: Redacting) -> Tree:
    is_told = container_state(row) == "Cancelled" and row.error
    return {"error": redact.value(row.error)} if is_told else {}


def _output(row: RequestRow) -> str | None:
    """The reference to the artifact, as sources and mounts take it."""
    return f"{row.job_id}/{row.task_name}.{OUTPUT}" if row.has_output else None


def _log(row: RequestRow) -> str | None:
    return f"/jobs/{row.job_id}/log" if row.started_at else None


def _cost(row: RequestRow) -> float:
    return float(price_of(row.rates, row.usage))
