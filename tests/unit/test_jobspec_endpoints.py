"""Webhook endpoints as they are submitted: what is taken, and what each refusal says."""

import json
from typing import Any

import pytest

from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.parsing import parse_endpoint, parse_endpoint_changes

MINIMAL: dict[str, Any] = {"url": "https://ci.example/x", "events": ["job.StateChange"]}
ALL = [
    *("job.StateChange", "job.Progress", "job.PhaseChange"),
    *("task.StateChange", "task.Progress"),
    *("schedule.Fired", "schedule.Skipped", "endpoint.Failing", "endpoint.Disabled"),
]
EVENTS = ", ".join(f"'{event}'" for event in ALL[:-1]) + f" or '{ALL[-1]}'"
REDACTED = "must not hold [REDACTED], which answers show in place of a secret"


def parsed(**fields: Any) -> dict[str, Any]:
    body = json.dumps(MINIMAL | fields).encode()
    return parse_endpoint(body, "application/json").as_submitted()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"events": ALL},
        {"filter": "{{ event == 'job.StateChange' && job.state in ['FAILED'] }}"},
        {"filter": "task.state == 'FAILED' or job.progress > 50", "events": ["task.StateChange"]},
        {"filter": "schedule.id == 'x' and endpoint.id != 'y'", "events": ALL},
        {"headers": {"Authorization": "Bearer x", "X-Empty": ""}},
        {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        {"ratePerSecond": 0.5, "retryOn": [301, 404], "format": "tork", "payload": "thin"},
    ],
)
def test_endpoints_are_taken_as_they_are_submitted(fields: dict[str, Any]) -> None:
    assert parsed(**fields) == MINIMAL | fields


def test_events_that_are_named_twice_count_once() -> None:
    assert parsed(events=ALL * 2)["events"] == ALL


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": None}, "url: is required"),
        ({"url": "ftp://x/y"}, 'url: "ftp://x/y" is not allowed: must be an http or https URL'),
        ({"url": "http://a..b"}, "url: "),
        (
            {"url": "https://x/[REDACTED]"},
            f'url: "https://x/[REDACTED]" is not allowed: {REDACTED}',
        ),
        ({"events": None}, "events: is required"),
        ({"events": []}, "events: must have at least 1 entry"),
        ({"events": ["job.Created"]}, f'events[0]: "job.Created" is not allowed: must be {EVENTS}'),
        ({"events": "job.Progress"}, 'events: "job.Progress" is not allowed: must be a list'),
        ({"filter": "job.state =="}, "filter: "),
        ({"filter": "jobs.state == 'x'"}, "filter: unknown name 'jobs', did you mean 'job'?"),
        ({"filter": "task.state == 'x'"}, "filter: unknown name 'task', there are event, job"),
        ({"filter": "job.sate == 'x'"}, "filter: job.sate is not defined and reads as nil: did"),
        ({"filter": "job.createdBy.nme == 'x'"}, "filter: job.createdBy.nme is not defined"),
        ({"filter": "1 + 'a'"}, "filter: "),
        (
            {"filter": "x" * 5000},
            f'filter: "{"x" * 58}… is not allowed: must have at most 4000 char',
        ),
        ({"headers": {"Host": "x"}}, "headers.Host: must not be set: it belongs to the request"),
        ({"headers": {"webhook-id": "x"}}, "headers.webhook-id: must not be set"),
        ({"headers": {"X A": "x"}}, "headers.X A: must be a header name"),
        ({"headers": {"X-A": "a\r\nb"}}, "headers.X-A: must not hold a line break"),
        ({"headers": {"X-A": "{{ secrets.a }}"}}, "headers.X-A: must not hold expressions"),
        ({"headers": {"X-A": "[REDACTED]"}}, f"headers.X-A: {REDACTED}"),
        ({"secret": "hunter2"}, "secret: must be whsec_ and the base64 of 24 to 64 random bytes"),
        ({"format": "xml"}, "format: \"xml\" is not allowed: must be 'tork' or 'standard'"),
        ({"payload": "fat"}, "payload: \"fat\" is not allowed: must be 'full' or 'thin'"),
        ({"ratePerSecond": 0}, "ratePerSecond: 0 is not allowed: must be at least 0.01"),
        ({"ratePerSecond": "5"}, 'ratePerSecond: "5" is not allowed: must be a number'),
        ({"retryOn": [200]}, "retryOn[0]: 200 is not allowed: must be at least 300"),
        ({"retryOn": [410]}, "retryOn[0]: 410 is not allowed: must not be 410"),
        ({"ordered": "yes"}, 'ordered: "yes" is not allowed: must be true or false'),
        ({"tags": [""]}, "tags[0]: must not be empty"),
        ({"event": "job.StateChange"}, "event: unknown field, did you mean 'events'?"),
        ({"nmae": 1}, "nmae: unknown field"),
        ({"description": "a\x00b"}, "description: must not hold NUL characters"),
    ],
)
def test_a_refusal_names_the_field_the_value_and_the_rule(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidJob) as refused:
        parsed(**fields)
    assert str(refused.value).startswith(message)
    assert "hunter2" not in str(refused.value)


def test_a_merge_patch_keeps_what_it_does_not_name() -> None:
    now = MINIMAL | {"headers": {"A": "1", "B": "2"}, "filter": "job.name == 'x'", "tags": ["a"]}
    patch = b'{"headers": {"A": null, "C": "3"}, "filter": null, "tags": ["b"]}'
    changed = parse_endpoint_changes(patch, "application/json", now).as_submitted()
    assert changed == MINIMAL | {"headers": {"B": "2", "C": "3"}, "tags": ["b"]}
