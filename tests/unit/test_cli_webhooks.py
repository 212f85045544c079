"""`conveyor webhooks`: what is asked of the API, and what is shown."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.http.command_line import run_command
from tests.support.http.fake_api import FakeApi, OneByOne, fake_api, page, refusal

AT = "2024-05-01T12:00:00Z"
ID = "0123456789abcdef" * 2
OTHER = "f" * 32
HOOK = f"/webhooks/{ID}"
ENDPOINT = {
    "id": ID,
    "description": "ci bot",
    "url": "https://ci.example/[REDACTED]",
    "events": ["job.StateChange", "schedule.Fired"],
    "headers": {"Authorization": "[REDACTED]"},
    "format": "standard",
    "payload": "full",
    "ordered": False,
    "disabled": False,
    "createdAt": AT,
}
DELIVERY = {
    "id": "d1",
    "jobId": "j1",
    "url": "https://ci.example/[REDACTED]",
    "event": "job.StateChange",
    "sequence": 7,
    "state": "FAILED",
    "attemptCount": 9,
    "lastStatus": 500,
    "lastError": "answered 500",
    "createdAt": AT,
}


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as fake:
        fake.answers["GET /webhooks"] = page(
            [ENDPOINT, {**ENDPOINT, "id": OTHER, "disabled": True}]
        )
        yield fake


async def succeed(api: FakeApi, *arguments: str) -> str:
    result = await run_command(api.url, "webhooks", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


async def test_endpoints_are_listed_with_what_is_wrong_with_them(api: FakeApi) -> None:
    failing = {**ENDPOINT, "failingSince": AT}
    disabled = {**failing, "disabled": True}
    api.answers["GET /webhooks"] = page([ENDPOINT, failing, disabled])
    head, *rows = (await succeed(api, "list")).splitlines()
    assert head.split() == ["ID", "STATE", "DESCRIPTION", "URL", "EVENTS", "CREATED"]
    assert [row.split()[1] for row in rows] == ["active", "failing", "disabled"]
    assert "ci bot       https://ci.example/…  job.StateChange, schedule.Fired" in rows[0]


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ((), {"events": ["job.StateChange"]}),
        (
            ("--event", "TASK.statechange", "--event", "endpoint.Failing", "--rate", "0.5"),
            {"events": ["task.StateChange", "endpoint.Failing"], "ratePerSecond": 0.5},
        ),
        (
            ("--header", "X-A: b: c", "--header", "X-B:", "--tag", "x", "--retry-on", "404"),
            {"headers": {"X-A": "b: c", "X-B": ""}, "tags": ["x"], "retryOn": [404]},
        ),
        (
            ("--description", "ci", "--filter", "true", "--format", "tork", "--ordered"),
            {"description": "ci", "filter": "true", "format": "tork", "ordered": True},
        ),
    ],
)
async def test_of_a_new_endpoint_only_the_secret_goes_to_standard_output(
    api: FakeApi, options: tuple[str, ...], body: dict[str, Any]
) -> None:
    api.answers["POST /webhooks"] = {**ENDPOINT, "secret": "whsec_abc"}
    assert await succeed(api, "add", "https://ci.example/hook", *options) == "whsec_abc\n"
    expected = {"url": "https://ci.example/hook", "events": ["job.StateChange"], **body}
    assert json.loads(api.asked[0].body) == expected


async def test_a_rule_that_a_field_breaks_is_named_without_a_line(api: FakeApi) -> None:
    broken = {"field": "url", "rule": "must be an http or https URL", "value": '"x"', "line": 1}
    api.answers["POST /webhooks"] = refusal(400, "url: … (line 1)", errors=[broken])
    result = await run_command(api.url, "webhooks", "add", "x")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == ('conveyor: url: "x" is not allowed: must be an http or https URL\n')
    without_colon = await run_command(api.url, "webhooks", "add", "x", "--header", "s3cret")
    assert (without_colon.exit_code, "s3cret" in without_colon.output) == (2, False)


async def test_an_endpoint_is_shown_by_its_description_or_the_beginning_of_its_id(
    api: FakeApi,
) -> None:
    api.answers["GET /webhooks"] = page([ENDPOINT])
    api.answers[f"GET {HOOK}"] = {
        **ENDPOINT, "disabled": True, "disabledAt": AT, "disabledReason": "answered 410"
    }  # fmt: skip
    for text in ("ci bot", ID[:6], ID):
        lines = (await succeed(api, "show", text)).splitlines()
        assert "headers     Authorization" in lines
        assert lines[-1].startswith("disabled    ")
        assert lines[-1].endswith("ago: answered 410")
    unknown = await run_command(api.url, "webhooks", "show", "nobody")
    assert unknown.exit_code == 3
    assert unknown.stderr == "conveyor: no webhook endpoint has the id or description 'nobody'\n"


async def test_only_what_is_given_is_changed(api: FakeApi) -> None:
    api.answers[f"PATCH {HOOK}"] = ENDPOINT
    options = ("--to", "https://x.example/", "--unordered", "--reset", "filter", "--reset", "tags")
    await succeed(api, "edit", ID, *options)
    changes = {"url": "https://x.example/", "ordered": False, "filter": None, "tags": None}
    assert json.loads(api.asked[0].body) == changes
    nothing = await run_command(api.url, "webhooks", "edit", ID)
    assert (nothing.exit_code, "nothing to change" in nothing.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "asked", "body"),
    [
        (("enable", ID), f"PATCH {HOOK}", {"disabled": False}),
        (("disable", ID), f"PATCH {HOOK}", {"disabled": True}),
        (("delete", ID), f"DELETE {HOOK}", None),
        (("resend", "d1"), "POST /webhooks/deliveries/d1/resend", None),
    ],
)
async def test_an_act_is_one_request(
    api: FakeApi, arguments: tuple[str, ...], asked: str, body: Any
) -> None:
    api.answers[asked] = {"status": "OK"}
    await succeed(api, *arguments)
    assert [one.what for one in api.asked] == [asked]
    assert json.loads(api.asked[0].body or b"null") == body


async def test_of_a_new_secret_nothing_else_goes_to_standard_output(api: FakeApi) -> None:
    rotated = {**ENDPOINT, "secret": "whsec_new", "previousSecretEndsAt": "2999-01-01T00:00:00Z"}
    api.answers[f"POST {HOOK}/rotate-secret"] = rotated
    result = await run_command(api.url, "webhooks", "rotate", ID, "--keep-for", "1h")
    assert (result.exit_code, result.stdout) == (0, "whsec_new\n")
    assert result.stderr.startswith("the old secret ends in ")
    assert json.loads(api.asked[0].body) == {"keepFor": "1h"}


@pytest.mark.parametrize(
    ("arguments", "asked", "last"),
    [
        ((ID,), f"GET {HOOK}/deliveries", ("answered", "500", "j1")),
        (("--job", ID), f"GET /jobs/{ID}/webhooks", ("ci.example", "answered", "500")),
    ],
)
async def test_deliveries_are_listed_of_an_endpoint_or_of_a_job(
    api: FakeApi, arguments: tuple[str, ...], asked: str, last: tuple[str, ...]
) -> None:
    api.answers[asked] = page([DELIVERY])
    output = await succeed(api, "deliveries", *arguments, "--state", "failed")
    assert output.splitlines()[1].split()[-6:] == [*("job.StateChange", "failed", "9", *last)]
    assert api.asked[0].query == {"page": "1", "size": "20", "state": "FAILED"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("deliveries",),
        ("deliveries", ID, "--job", ID),
        ("resend",),
        ("resend", "d1", "--endpoint", ID),
        ("resend", "--endpoint", ID),
        ("resend", "d1", "--since", "2h"),
    ],
)
async def test_what_a_command_is_about_must_be_given_in_one_way(
    api: FakeApi, arguments: tuple[str, ...]
) -> None:
    assert (await run_command(api.url, "webhooks", *arguments)).exit_code == 2
    assert api.asked == []


async def test_a_delivery_is_shown_with_what_was_answered(api: FakeApi) -> None:
    attempts = [
        {"number": 2, "at": AT, "durationMs": 12.0, "status": 500, "error": "answered 500",
         "answer": "out of\x1b[31m order\nbad"},
        {"number": 1, "at": AT, "durationMs": 1500.0, "error": "no connection"},
    ]  # fmt: skip
    api.answers["GET /webhooks/deliveries/d1"] = {
        **DELIVERY, "attempts": attempts, "requestBody": '{"id": "j1"}'
    }  # fmt: skip
    lines = (await succeed(api, "delivery", "d1")).splitlines()
    assert lines[0] == "state       failed"
    assert """body        {"id": "j1"}""" in lines
    assert lines[-4].endswith("12 ms  answered 500")
    assert lines[-3:-1] == ["    out of [31m order", "    bad"]
    assert lines[-1].endswith("1.5 s  no connection")


async def test_all_that_failed_at_an_endpoint_is_sent_again(api: FakeApi) -> None:
    api.answers[f"POST {HOOK}/resend"] = {"resent": 10_000, "remaining": 3}
    said = await succeed(api, "resend", "--endpoint", ID, "--since", "2h")
    assert said == "10,000 deliveries will be sent again, 3 are left: repeat the command\n"
    assert json.loads(api.asked[0].body) == {"since": "2h"}


@pytest.mark.parametrize(
    ("outcome", "exit_code", "said"),
    [
        ({"state": "DELIVERED", "lastStatus": 204, "lastError": None}, 0, "delivered  204\n"),
        ({"state": "PENDING", "lastError": "answered 500"}, 1, "pending  answered 500\n"),
        ({"state": "FAILED", "lastError": "answered 404"}, 1, "failed  answered 404\n"),
    ],
)
async def test_a_test_event_is_waited_for(
    api: FakeApi, outcome: dict[str, Any], exit_code: int, said: str
) -> None:
    sent = {**DELIVERY, "state": "PENDING", "lastStatus": None, "lastError": None, "attempts": []}
    api.answers["GET /webhooks/deliveries/d1"] = OneByOne(
        refusal(404, "no such delivery"), sent, {**sent, **outcome}
    )
    api.answers[f"POST {HOOK}/test"] = {"deliveryId": "d1"}
    result = await run_command(api.url, "webhooks", "test", ID)
    assert (result.exit_code, result.stdout) == (exit_code, said)


async def test_a_test_event_that_stays_without_response_fails(api: FakeApi) -> None:
    api.answers[f"POST {HOOK}/test"] = {"deliveryId": "d1"}
    result = await run_command(api.url, "webhooks", "test", ID, "--timeout", "0")
    assert (result.exit_code, result.stderr) == (1, "sent; no response within 0 s\n")


@pytest.mark.parametrize(("failed", "shown"), [(0, False), (1, True), (None, False)])
async def test_a_job_shows_that_webhooks_were_not_delivered(
    api: FakeApi, failed: int | None, shown: bool
) -> None:
    job = {"id": ID, "name": "j", "state": "COMPLETED", "createdAt": AT, "progress": 100}
    api.answers[f"GET /jobs/{ID}"] = job
    if failed is not None:  # Tork has no such route
        api.answers[f"GET /jobs/{ID}/webhooks"] = page([], totalItems=failed)
    result = await run_command(api.url, "get", ID)
    assert result.exit_code == 0
    line = (
        f"  webhooks    1 was not delivered: conveyor webhooks deliveries --job {ID} --state failed"
    )
    assert (line in result.stdout.splitlines()) == shown
