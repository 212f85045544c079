"""/webhooks over HTTP: creating, listing, showing, changing and deleting endpoints."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog

from services.coordinator.settings import ApiSettings
from shared.store import webhook_deliveries
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    OPERATOR,
    PROTECTED,
    add_key,
    add_user,
    done,
    hash_cheaply,
)

pytestmark = pytest.mark.real

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ENDPOINT: dict[str, Any] = {
    "url": "https://chat.example/hooks/URLTOKEN?key=QUERYTOKEN",
    "events": ["job.StateChange"],
}
ALL_FIELDS: dict[str, Any] = ENDPOINT | {
    "description": "failed jobs to the chat",
    "events": ["job.StateChange", "task.Progress", "schedule.Fired", "endpoint.Failing"],
    "filter": "job.state == 'FAILED'",
    "tags": ["nightly"],
    "headers": {"Authorization": "Bearer HEADERTOKEN", "X-Team": "TEAMTOKEN"},
    "format": "tork",
    "payload": "thin",
    "ratePerSecond": 5,
    "retryOn": [404],
    "ordered": True,
}
TOKENS = ("URLTOKEN", "QUERYTOKEN", "HEADERTOKEN", "TEAMTOKEN", SECRET)


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


@pytest.fixture
async def guarded(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as running:
        yield running


async def create(api: Api, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = await done(api, "POST", "/webhooks", {}, json=ENDPOINT | fields)
    return made


async def test_an_endpoint_is_shown_as_it_was_created_but_for_its_secrets(api: Api) -> None:
    with structlog.testing.capture_logs() as logs:
        made = await create(api, **ALL_FIELDS, secret=SECRET)
        assert made.pop("secret") == SECRET
        shown = await api.get(f"/webhooks/{made['id']}")
        listed = await api.get("/webhooks")
    assert shown == made
    assert listed["items"] == [made]
    assert made.pop("createdBy")["username"] == "guest"
    assert made.pop("createdAt") == made.pop("updatedAt")
    assert len(made.pop("id")) == 32
    hidden = {"Authorization": "[REDACTED]", "X-Team": "[REDACTED]"}
    url = "https://chat.example/[REDACTED]"
    assert made == ALL_FIELDS | {"url": url, "headers": hidden, "disabled": False}
    [row] = await api.pool.fetch("SELECT webhook_endpoints::text FROM webhook_endpoints")
    for token in TOKENS:
        assert token not in json.dumps([shown, listed, str(logs), row[0]])


async def test_what_is_left_out_has_defaults_and_a_secret_is_generated(api: Api) -> None:
    first, second = await create(api), await create(api)
    assert first["secret"].startswith("whsec_")
    assert first["secret"] != second["secret"]
    defaults = {"format": "standard", "payload": "full", "ordered": False, "disabled": False}
    assert defaults.items() <= first.items()
    assert first.keys().isdisjoint({"filter", "tags", "headers", "ratePerSecond", "retryOn"})


async def test_a_patch_changes_what_it_names_and_null_resets(api: Api) -> None:
    endpoint = await create(api, **ALL_FIELDS)
    path = f"/webhooks/{endpoint['id']}"
    changed = await done(
        api,
        "PATCH",
        path,
        {},
        json={"filter": None, "headers": {"X-Team": None}, "payload": "full", "tags": []},
    )
    assert changed == await api.get(path)
    assert changed.keys().isdisjoint({"filter", "tags"})
    assert changed["headers"] == {"Authorization": "[REDACTED]"}
    assert (changed["payload"], changed["events"]) == ("full", ALL_FIELDS["events"])
    assert changed["updatedAt"] > endpoint["updatedAt"]


async def test_a_patch_that_breaks_a_rule_changes_nothing(api: Api) -> None:
    endpoint = await create(api, **ALL_FIELDS)
    path = f"/webhooks/{endpoint['id']}"
    before = await api.get(path)
    for patch, message in (
        ({"events": []}, "events: must have at least 1 entry"),
        ({"url": None}, "url: is required"),
        *(
            ({"secret": one}, "secret: POST /webhooks/{id}/rotate-secret replaces the secret")
            for one in (SECRET, None)
        ),
        ({"colour": None}, "colour: unknown field"),
        # What is left as it is must fit what is changed.
        (
            {"events": ["schedule.Fired"]},
            "filter: unknown name 'job', there are event, schedule",
        ),
        ([], "the body must be a mapping of fields"),
    ):
        status, answer = await api.answer("PATCH", path, json=patch)
        assert (status, answer["message"].partition(" (line")[0]) == (400, message)
    assert await api.get(path) == before


async def test_deliveries_follow_the_url_and_end_when_the_endpoint_is_disabled(api: Api) -> None:
    endpoint = await create(api)
    path = f"/webhooks/{endpoint['id']}"
    await owe(api, endpoint["id"])
    await done(api, "PATCH", path, {}, json={"url": "https://other.example:8443/x"})
    assert await owed(api) == [("PENDING", "https://other.example:8443")]
    disabled = await done(api, "PATCH", path, {}, json={"disabled": True})
    assert (disabled["disabled"], disabled["disabledReason"]) == (True, "by request")
    assert await owed(api) == [("FAILED", "https://other.example:8443")]
    enabled = await done(api, "PATCH", path, {}, json={"disabled": False})
    assert enabled.keys().isdisjoint({"disabledAt", "disabledReason"})
    await done(api, "DELETE", path, {})
    assert await owed(api) == []
    assert (await api.answer("GET", path))[0] == 404


async def test_deliveries_follow_the_url_however_many_they_are(api: Api) -> None:
    endpoint = await create(api)
    await owe(api, endpoint["id"], 2 * webhook_deliveries.PORTION + 1)
    changes = {"url": "https://other.example:8443/x"}
    await done(api, "PATCH", f"/webhooks/{endpoint['id']}", {}, json=changes)
    assert set(await owed(api)) == {("PENDING", "https://other.example:8443")}


async def owe(api: Api, endpoint_id: str, count: int = 1) -> None:
    await api.pool.execute(
        "INSERT INTO webhook_deliveries (id, job_id, version, webhook, url, body, next_at,"
        " created_at, endpoint_id)"
        " SELECT n, '', 0, 0, '', '', now(), now(), $1 FROM generate_series(1, $2::int) n",
        endpoint_id,
        count,
    )


async def owed(api: Api) -> list[tuple[str, str]]:
    rows = await api.pool.fetch("SELECT state, receiver FROM webhook_deliveries")
    return [tuple(row) for row in rows]


async def test_a_rotated_secret_signs_beside_the_old_one_until_it_ends(api: Api) -> None:
    endpoint = await create(api)
    path = f"/webhooks/{endpoint['id']}/rotate-secret"
    rotated = await done(api, "POST", path, {}, json={"keepFor": "1h"})
    assert rotated["secret"] not in (None, endpoint["secret"])
    assert rotated["previousSecretEndsAt"] > rotated["updatedAt"]
    [secrets] = await api.pool.fetchrow("SELECT secrets FROM webhook_endpoints")
    assert [secret["endsAt"] is None for secret in secrets] == [True, False]
    # A second time: the first one is not kept longer.
    again = await done(api, "POST", path, {}, json={"secret": SECRET})
    assert (again["secret"], len(await secrets_of(api))) == (SECRET, 3)
    assert (await secrets_of(api))[2] == secrets[1]
    # At once, without a body it is a day.
    for body, kept in ((b'{"keepFor": "0s"}', 3), (b"", 4)):
        await done(api, "POST", path, {"Content-Type": "application/json"}, data=body)
        assert len(await secrets_of(api)) == kept
    status, answer = await api.answer("POST", path, json={"keepFor": "721h"})
    assert (status, answer["message"]) == (
        400,
        'keepFor: "721h" is not allowed: must be at most 720h (line 1, column 13)',
    )


async def secrets_of(api: Api) -> list[Any]:
    return list(await api.pool.fetchval("SELECT secrets FROM webhook_endpoints"))


async def test_a_creation_that_is_repeated_with_its_key_creates_one_endpoint(api: Api) -> None:
    key = {"Idempotency-Key": "endpoint-1"}
    first = await done(api, "POST", "/webhooks", key, json=ENDPOINT)
    again = await done(api, "POST", "/webhooks", key, json=ENDPOINT)
    assert again == {name: value for name, value in first.items() if name != "secret"}
    assert (await api.answer("POST", "/webhooks", headers=key, json=ALL_FIELDS))[0] == 409
    await done(api, "DELETE", f"/webhooks/{first['id']}", {})
    assert (await api.answer("POST", "/webhooks", headers=key, json=ENDPOINT))[0] == 409


async def test_a_creator_has_at_most_as_many_endpoints_as_are_allowed(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn, api=ApiSettings(webhook_endpoints=1)) as api:
        await create(api)
        status, answer = await api.answer("POST", "/webhooks", json=ENDPOINT)
    assert status == 400
    assert answer["message"] == (
        "at most 1 webhook endpoints a user are allowed (CONVEYOR_API_WEBHOOK_ENDPOINTS)"
    )


async def test_an_endpoint_is_its_creators_and_the_administrators(guarded: Api) -> None:
    ann, bob = await add_user(guarded, "ann"), await add_user(guarded, "bob")
    anns = await done(guarded, "POST", "/webhooks", ann, json=ENDPOINT)
    operators = await done(guarded, "POST", "/webhooks", OPERATOR, json=ENDPOINT)
    boss = await add_user(guarded, "boss", "admin")
    keyless = await add_key(guarded, "read", "submit", "operate")
    path = f"/webhooks/{anns['id']}"
    for who, ids in (
        (ann, [anns["id"]]),
        (bob, []),
        (keyless, []),
        (boss, [operators["id"], anns["id"]]),
    ):
        page = await done(guarded, "GET", "/webhooks", who)
        assert [item["id"] for item in page["items"]] == ids
        assert page["totalItems"] == len(ids)
        found = 200 if anns["id"] in ids else 404
        for method, below, body in (
            ("GET", "", None),
            ("PATCH", "", {"disabled": True}),
            ("POST", "/rotate-secret", {}),
        ):
            status, _ = await guarded.answer(method, path + below, headers=who, json=body)
            assert status == found
    assert (await guarded.answer("DELETE", path, headers=bob))[0] == 404
    assert (await guarded.answer("DELETE", path, headers=ann))[0] == 200


async def test_who_may_not_read_creates_no_endpoint(guarded: Api) -> None:
    submitter = await add_key(guarded, "submit")
    status, answer = await guarded.answer("POST", "/webhooks", headers=submitter, json=ENDPOINT)
    assert (status, answer["message"]) == (403, "requires the scope read as well")


async def test_who_may_not_read_sends_no_endpoint_elsewhere(guarded: Api) -> None:
    endpoint = await done(guarded, "POST", "/webhooks", OPERATOR, json=ENDPOINT)
    path, operator = f"/webhooks/{endpoint['id']}", await add_key(guarded, "operate")
    patch = {"url": "https://elsewhere.example"}
    status, answer = await guarded.answer("PATCH", path, headers=operator, json=patch)
    assert (status, answer["message"]) == (403, "requires the scope read as well")


async def test_the_endpoints_of_who_is_deleted_are_disabled(guarded: Api) -> None:
    ann = await add_user(guarded, "ann")
    made = await done(
        guarded, "POST", "/keys", OPERATOR, json={"name": "k", "scopes": ["read", "submit"]}
    )
    for headers in (ann, {"X-API-Key": made["key"]}, OPERATOR):
        await done(guarded, "POST", "/webhooks", headers, json=ENDPOINT)
    await done(guarded, "DELETE", "/users/ann", OPERATOR)
    await done(guarded, "DELETE", f"/keys/{made['id']}", OPERATOR)
    page = await done(guarded, "GET", "/webhooks", OPERATOR)
    assert [item.get("disabledReason") for item in page["items"]] == [
        None,
        "its key was revoked",
        "its creator was deleted",
    ]
