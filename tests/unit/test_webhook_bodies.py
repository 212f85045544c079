"""What a receiver reads: the same event in each format, whole or thin."""

from datetime import UTC, datetime

import orjson
import pytest

from services.webhook_dispatcher.bodies import Event

_AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
_TASK = {"id": "t", "jobId": "j", "name": "n", "state": "RUNNING", "at": "2026-01-02T03:04:05.678Z"}
_THIN = {"id": "t", "jobId": "j", "state": "RUNNING", "sequence": 7}
_TYPE = {"type": "task.StateChange", "timestamp": "2026-01-02T03:04:05.678000Z"}


@pytest.mark.parametrize(
    ("format_", "payload", "body"),
    [
        ("tork", "full", {**_TASK, "event": "task.StateChange", "sequence": 7}),
        ("tork", "thin", {**_THIN, "event": "task.StateChange"}),
        ("standard", "full", {**_TYPE, "data": {**_TASK, "sequence": 7}}),
        ("standard", "thin", {**_TYPE, "data": _THIN}),
    ],
)
def test_a_body_has_the_event_its_number_and_as_much_as_was_asked_for(
    format_: str, payload: str, body: dict[str, object]
) -> None:
    event = Event("task.StateChange", 7, _AT, _TASK)
    assert orjson.loads(event.body(format_, payload)) == body
    assert event.body(format_, payload) is event.body(format_, payload)
