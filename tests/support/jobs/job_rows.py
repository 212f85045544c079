"""A row of a job as the webhook dispatcher reads it."""

from datetime import UTC, datetime
from typing import Any

_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JOB_ROW: dict[str, Any] = {
    "has_phases": False,
    "id": "j",
    "name": "n",
    "description": None,
    "tags": ["t"],
    "inputs": {"a": "x"},
    "state": "COMPLETED",
    "position": 1,
    "progress": 100.0,
    "created_at": _AT,
    "started_at": _AT,
    "task_count": 1,
    "parent_task_id": None,
    "created_by": {"id": "g", "username": "guest", "name": "Guest"},
    "owner": "g",
    "cancelled_by": None,
    "cancel_reason": None,
    "schedule_id": None,
    "schedule_cron": None,
    "schedule_at": None,
    "sealed": None,
    "webhooks": [],
}
