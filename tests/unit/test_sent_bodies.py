"""What receivers are sent is described in the OpenAPI document, in each format."""

from datetime import UTC, datetime
from typing import Any, get_args

import orjson
import pytest

from services.coordinator.api.webhooks.sent_bodies import (
    SENT_EVENTS,
    EndpointEventData,
    ScheduleEventData,
)
from services.webhook_dispatcher.requests import JobEvent
from services.webhook_dispatcher.summaries import UNSET_NAMES
from shared.jobspec.bytenite.phases import Phase
from shared.jobspec.event_fields import ENDPOINT_FIELDS, EVENT_FIELDS, SCHEDULE_FIELDS
from shared.jobspec.tork.models.endpoints import EndpointEvent
from shared.messages import Change
from shared.process.sealing import Sealer
from tests.support.jobs.job_rows import JOB_ROW
from tests.support.services.sent_bodies import expect_described, expect_notice_described

_AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
_TIMES = ("created_at", "scheduled_at", "started_at", "completed_at", "failed_at")
_TEXTS = ("result", "error", "parent_id", "node_id", "description", "var", "task_name")
_FORMS = [(f, p) for f in ("tork", "standard") for p in ("full", "thin")]
_CHANGE: dict[str, Any] = {"job_id": "j", "version": 7, "at": _AT, "position": 1, "progress": 12.5}
_FULL = dict.fromkeys(_TEXTS, "x") | dict.fromkeys(_TIMES, _AT) | {"attempt": 2, "tags": ["a"]}
_ROW = JOB_ROW | {
    "description": "d",
    "parent_task_id": "p",
    "inputs": {"a": "x", "b": [1, {"c": None}]},
    "schedule_id": "s",
    "schedule_cron": "@daily",
    "schedule_at": _AT,
    "cancelled_by": {"id": "g", "username": "guest", "name": "Guest"},
    "cancel_reason": "wrong input",
}


@pytest.mark.parametrize("is_progress", [False, True])
@pytest.mark.parametrize("task_id", [None, "t"])
@pytest.mark.parametrize("more", [{}, _FULL])
@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"])
def test_a_change_is_sent_as_it_is_described(
    state: str, more: dict[str, Any], task_id: str | None, is_progress: bool
) -> None:
    facts = {**_CHANGE, **more, "task_id": task_id, "is_progress": is_progress}
    event = JobEvent(Change(state=state, **facts), _ROW if more else JOB_ROW, Sealer())
    for format_, payload in _FORMS:
        body = orjson.loads(event.body(format_, payload))
        expect_described(event.name, body)
        assert body.get("data", body)["sequence"] == 7


@pytest.mark.parametrize("change", [{"state": "PENDING"}, {"state": "RUNNING", "task_id": "t"}])
def test_a_phase_is_sent_as_it_is_described(change: dict[str, Any]) -> None:
    phase = Phase.PARTITIONING
    event = JobEvent(Change(**_CHANGE, **change), _ROW, Sealer(), phase, is_of_phase=True)
    for format_, payload in _FORMS:
        expect_described("job.PhaseChange", orjson.loads(event.body(format_, payload)))


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("schedule.Fired", {"scheduledAt": "2026-01-01T00:00:00Z", "jobId": "j", "tags": ["a"]}),
        ("schedule.Skipped", {"scheduledAt": "2026-01-01T00:00:00Z", "until": None, "reason": "x"}),
        ("endpoint.Failing", {"failingSince": "2026-01-01T00:00:00Z", "error": "answered 500"}),
        ("endpoint.Disabled", {"failingSince": None, "disabledAt": "2026-01-01T00:00:00Z"}),
        ("endpoint.Test", {"description": ""}),
    ],
)
def test_what_is_no_change_of_a_job_is_sent_as_it_is_described(
    event: str, data: dict[str, Any]
) -> None:
    expect_notice_described(event, {"id": "i", **data})


def test_what_expressions_can_read_is_what_is_sent() -> None:
    assert {*UNSET_NAMES["job"]} == EVENT_FIELDS["job"]
    assert {*UNSET_NAMES["task"]} == EVENT_FIELDS["task"]
    for fields, model in (
        (SCHEDULE_FIELDS, ScheduleEventData),
        (ENDPOINT_FIELDS, EndpointEventData),
    ):
        assert {*fields} == {field.alias for field in model.model_fields.values()}


def test_each_event_that_can_be_asked_for_is_described() -> None:
    assert {*get_args(EndpointEvent), "endpoint.Test"} == {event.name for event in SENT_EVENTS}
