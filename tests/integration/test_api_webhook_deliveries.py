"""What became of the deliveries to webhooks, over HTTP, and sending them again."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from services.coordinator.store import webhook_deliveries
from shared.store.notices import notice_delivery
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    PROTECTED,
    add_user,
    done,
    hash_cheaply,
    submit,
)
from tests.support.services.sent_bodies import expect_notice_described

pytestmark = pytest.mark.real

URL = "https://ci.example:8443/hooks/URLTOKEN?key=QUERYTOKEN"
JOB = f"""
name: told
secrets: {{token: hunter2-hunter2}}
webhooks: [{{url: "{URL}"}}]
tasks: [{{name: a}}]
"""
ENDPOINT = {"url": URL, "events": ["job.StateChange"]}

# One after the other, a second apart; what has ended did so a minute ago.
ADD = """
INSERT INTO webhook_deliveries (id, job_id, version, webhook, url, receiver, body, event, state,
    endpoint_id, attempts, next_at, ended_at, created_at)
SELECT $1, $2, $3::int, 0, $4, 'https://ci.example:8443', '{"sequence": 1}', 'job.StateChange', $5,
       $6, 2, CASE $5 WHEN 'PENDING' THEN now() + interval '1 h' ELSE 'infinity' END,
       CASE $5 WHEN 'PENDING' THEN NULL ELSE now() - interval '1 minute' END,
       now() - interval '1 h' + $3::int * interval '1 s'
"""
ADD_ATTEMPTS = """
INSERT INTO webhook_attempts (delivery_id, number, at, duration_ms, status, error, answer,
                              request_headers, answer_headers)
VALUES ($1, 1, now(), 5.25, NULL, 'no connection within 5 s', NULL, NULL, NULL),
       ($1, 2, now(), 15.5, 500, 'answered 500', 'no hunter2-hunter2 here',
        '{"webhook-id": "d1"}', '{"X-Echo": "hunter2-hunter2"}')
"""


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def add(
    api: Api,
    delivery_id: str,
    state: str = "PENDING",
    *,
    job_id: str = "",
    version: int = 1,
    endpoint_id: str | None = None,
) -> None:
    await api.pool.execute(ADD, delivery_id, job_id, version, URL, state, endpoint_id)
    await api.pool.execute(ADD_ATTEMPTS, delivery_id)


async def state_of(api: Api, delivery_id: str) -> tuple[str, int, bool]:
    """With the attempts before it was last sent, and whether it is due."""
    row = await api.pool.fetchrow(
        "SELECT state, attempts_before, next_at <= now() AS is_due FROM webhook_deliveries"
        " WHERE id = $1",
        delivery_id,
    )
    return (row["state"], row["attempts_before"], row["is_due"])


async def ids(api: Api, path: str, headers: Mapping[str, str] | None = None) -> list[str]:
    page = await api.get(path, headers=headers)
    assert page["totalItems"] >= len(page["items"])
    return [item["id"] for item in page["items"]]


async def test_a_delivery_is_shown_with_its_attempts_and_without_secrets(api: Api) -> None:
    job = await api.submit(JOB)
    await add(api, "d1", job_id=job["id"])
    shown = await api.get("/webhooks/deliveries/d1")
    [listed] = (await api.get(f"/jobs/{job['id']}/webhooks"))["items"]
    assert listed.items() <= shown.items()
    for name in ("createdAt", "lastAttemptAt", "nextAttemptAt"):
        assert listed.pop(name)
    assert listed == {
        "id": "d1",
        "jobId": job["id"],
        "webhook": 0,
        "url": "https://ci.example:8443/[REDACTED]",
        "event": "job.StateChange",
        "sequence": 1,
        "state": "PENDING",
        "attemptCount": 2,
        "lastStatus": 500,
        "lastError": "answered 500",
    }
    assert shown["requestBody"] == '{"sequence": 1}'
    for attempt in shown["attempts"]:
        assert attempt.pop("at")
    assert shown["attempts"] == [
        {
            "number": 2,
            "durationMs": 15.5,
            "status": 500,
            "error": "answered 500",
            "answer": "no [REDACTED] here",
            "requestHeaders": {"webhook-id": "d1"},
            "answerHeaders": {"X-Echo": "[REDACTED]"},
        },
        {"number": 1, "durationMs": 5.2, "error": "no connection within 5 s"},
    ]
    assert "TOKEN" not in json.dumps([shown, listed])


async def test_deliveries_are_listed_newest_first_by_state_and_page(api: Api) -> None:
    job = await api.submit(JOB)
    endpoint = await done(api, "POST", "/webhooks", {}, json=ENDPOINT)
    for n, state in enumerate(("DELIVERED", "FAILED", "PENDING", "FAILED"), start=1):
        await add(api, f"own{n}", state, job_id=job["id"], version=n)
        more = {"job_id": job["id"], "version": n, "endpoint_id": endpoint["id"]}
        await add(api, f"ours{n}", state, **more)
    own, ours = f"/jobs/{job['id']}/webhooks", f"/webhooks/{endpoint['id']}/deliveries"
    newest = [f"{whose}{n}" for n in (4, 3, 2, 1) for whose in ("own", "ours")]
    assert await ids(api, f"{own}?size=3&page=2") == newest[3:6]
    assert await ids(api, f"{own}?state=FAILED") == ["own4", "ours4", "own2", "ours2"]
    assert await ids(api, ours) == ["ours4", "ours3", "ours2", "ours1"]
    assert await ids(api, f"{ours}?state=PENDING") == ["ours3"]
    assert await ids(api, f"{ours}?page=999999999") == []
    assert await api.answer("GET", f"{ours}?state=LOST") == (
        400,
        {"message": 'state: "LOST" is not allowed: must be PENDING, DELIVERED or FAILED'},
    )


async def test_an_endpoint_shows_its_newest_delivery(api: Api) -> None:
    _, made = await api.answer("POST", "/webhooks", json=ENDPOINT)
    assert "lastDelivery" not in await api.get(f"/webhooks/{made['id']}")
    job_id = (await api.submit(JOB))["id"]
    for version, state in ((2, "FAILED"), (3, "DELIVERED"), (1, "PENDING")):
        await add(api, f"d{version}", state, job_id=job_id, version=version, endpoint_id=made["id"])
    [listed] = (await api.get("/webhooks"))["items"]
    assert (listed["lastDelivery"]["id"], listed["lastDelivery"]["state"]) == ("d3", "DELIVERED")
    assert listed == await api.get(f"/webhooks/{made['id']}")


@pytest.mark.parametrize("state", ["PENDING", "DELIVERED", "FAILED"])
async def test_a_delivery_is_sent_again_whatever_its_state_and_once_if_two_ask_at_once(
    api: Api, state: str
) -> None:
    job = await api.submit(JOB)
    await add(api, "d1", state, job_id=job["id"])
    path = "/webhooks/deliveries/d1/resend"
    answers = await asyncio.gather(*(api.answer("POST", path) for _ in range(2)))
    assert answers == [(200, {"status": "OK"})] * 2
    assert await state_of(api, "d1") == ("PENDING", 2, True)


async def test_a_delivery_goes_with_its_job_and_is_not_sent_again(api: Api) -> None:
    job = await api.submit(JOB)
    await api.set_job(job["id"], state="COMPLETED")
    await add(api, "d1", "FAILED", job_id=job["id"])
    await done(api, "DELETE", f"/jobs/{job['id']}", {})
    for id_ in ("d1", "never"):
        answer = await api.answer("POST", f"/webhooks/deliveries/{id_}/resend")
        assert answer == (404, {"message": f"no delivery has the id '{id_}'"})
    assert await api.pool.fetchval("SELECT count(*) FROM webhook_attempts") == 0


async def test_all_that_failed_since_a_time_is_sent_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an endpoint that has moved since, and another one
    monkeypatch.setattr(webhook_deliveries, "CAP", 1)  # the first portion is all of them
    endpoint = await done(api, "POST", "/webhooks", {}, json=ENDPOINT)
    other = await done(api, "POST", "/webhooks", {}, json=ENDPOINT)
    for name, state in (("d1", "FAILED"), ("d2", "FAILED"), ("d3", "DELIVERED"), ("old", "FAILED")):
        await add(api, name, state, endpoint_id=endpoint["id"])
    await add(api, "other", "FAILED", endpoint_id=other["id"])
    await api.pool.execute(
        "UPDATE webhook_deliveries SET ended_at = now() - interval '3 h' WHERE id = 'old'"
    )
    path = f"/webhooks/{endpoint['id']}"
    await api.pool.execute("UPDATE webhook_endpoints SET receiver = 'https://new.example:443'")
    # When what failed in the last two hours is sent again
    answer = await done(api, "POST", f"{path}/resend", {}, json={"since": "2h"})
    # Then that is due, where the endpoint is now, and nothing else is
    assert answer == {"resent": 2, "remaining": 0}
    for name in ("d1", "d2"):
        assert await state_of(api, name) == ("PENDING", 2, True)
    for name, state in (("d3", "DELIVERED"), ("old", "FAILED"), ("other", "FAILED")):
        assert await state_of(api, name) == (state, 0, False)
    receivers = "SELECT DISTINCT receiver FROM webhook_deliveries WHERE state = 'PENDING'"
    assert await api.pool.fetchval(receivers) == "https://new.example:443"
    # And what is no time is refused
    for body, message in (
        ({"since": "soon"}, 'since: "soon" is not allowed: must be a time such as'),
        ({}, "since: is required"),
        ({"since": "1h", "state": "FAILED"}, "state: "),
    ):
        status, refused = await api.answer("POST", f"{path}/resend", json=body)
        assert (status, refused["message"].startswith(message)) == (400, True), refused


async def test_an_endpoint_is_sent_a_test_unless_it_is_disabled(api: Api) -> None:
    endpoint = await done(api, "POST", "/webhooks", {}, json={**ENDPOINT, "description": "x"})
    path = f"/webhooks/{endpoint['id']}"
    sent = await done(api, "POST", f"{path}/test", {})
    [notice_id, *notice] = await api.pool.fetchrow(
        "SELECT id, event, data, endpoint_id FROM webhook_notices"
    )
    assert sent == {"deliveryId": notice_delivery(notice_id, endpoint["id"])}
    expect_notice_described(*notice[:2])
    about = {"id": endpoint["id"], "description": "x"}
    assert notice == ["endpoint.Test", about, endpoint["id"]]
    await add(api, "d1", "FAILED", endpoint_id=endpoint["id"])
    await done(api, "PATCH", path, {}, json={"disabled": True})
    for below, body in (("/test", None), ("/resend", {"since": "1h"})):
        status, answer = await api.answer("POST", path + below, json=body)
        assert (status, answer["message"].split(":")[0]) == (
            409,
            "the webhook endpoint is disabled",
        )
    assert (await api.answer("POST", "/webhooks/deliveries/d1/resend"))[0] == 409


async def test_a_delivery_is_found_by_the_beginning_of_its_id_if_one_that_is_seen_has_it(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        ann, bob = [await add_user(api, name) for name in ("ann", "bob")]
        job = await submit(api, ann, f"{JOB}permissions: [{{user: ann}}]")
        await add(api, "abcd01", "FAILED", job_id=job["id"])
        await add(api, "abcd02", "FAILED", job_id=await submitted_id(api, bob))
        for text, status in (("abcd", 200), ("abcd0", 200), ("abc", 404), ("abcd02", 404)):
            path = f"/webhooks/deliveries/{text}"
            assert (await api.answer("GET", path, headers=ann))[0] == status, text
            assert (await api.answer("POST", f"{path}/resend", headers=ann))[0] == status, text
        await add(api, "abcd03", "FAILED", job_id=job["id"], version=2)
        message = "several deliveries match 'abcd': abcd01; abcd03"
        for method, path in (("GET", "abcd"), ("POST", "abcd/resend")):
            answer = await api.answer(method, f"/webhooks/deliveries/{path}", headers=ann)
            assert answer == (409, {"message": message})


async def submitted_id(api: Api, owner: Mapping[str, str]) -> str:
    job = await submit(api, owner, f"{JOB}permissions: [{{user: bob}}]")
    return str(job["id"])


async def test_deliveries_are_seen_by_who_sees_the_job_and_resent_by_who_operates_it(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        # Given Ann's job that Bob may see and Carl may not, and an endpoint of Bob's that is told
        ann, bob, carl = [await add_user(api, name) for name in ("ann", "bob", "carl")]
        shared = f"{JOB}permissions: [{{user: ann}}, {{user: bob, access: view}}]"
        job = await submit(api, ann, shared)
        endpoint = await done(api, "POST", "/webhooks", bob, json=ENDPOINT)
        await add(api, "own", "FAILED", job_id=job["id"])
        more = {"job_id": job["id"], "endpoint_id": endpoint["id"]}
        await add(api, "bobs", "FAILED", **more)
        # Then each sees and resends what is theirs
        path = f"/jobs/{job['id']}/webhooks"
        assert await ids(api, path, ann) == ["own"]
        assert await ids(api, path, bob) == ["own", "bobs"]
        assert (await api.answer("GET", path, headers=carl))[0] == 404
        for who, delivery, seen, resent in (
            (ann, "own", 200, 200),
            (bob, "own", 200, 403),
            (carl, "own", 404, 404),
            (ann, "bobs", 404, 404),
            (bob, "bobs", 200, 200),
        ):
            path = f"/webhooks/deliveries/{delivery}"
            assert (await api.answer("GET", path, headers=who))[0] == seen
            assert (await api.answer("POST", f"{path}/resend", headers=who))[0] == resent
        for method, below, body in (
            ("GET", "/deliveries", None),
            ("POST", "/resend", {"since": "1h"}),
            ("POST", "/test", None),
        ):
            path = f"/webhooks/{endpoint['id']}{below}"
            for who, status in ((ann, 404), (bob, 200)):
                sent: dict[str, Any] = {} if body is None else {"json": body}
                assert (await api.answer(method, path, headers=who, **sent))[0] == status
