"""ByteNite's /v1/auth: access tokens for API keys, and secrets as their clients keep them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    PROTECTED,
    add_key,
    add_user,
    done,
    hash_cheaply,
    status,
)

pytestmark = pytest.mark.real

SECRET = {
    "id": "team-s3",
    "name": "Team",
    "secretType": "s3",
    "accessKey": "AKIATEST",
    "expiresAt": "2100-01-01T00:00:00.000Z",
    "params": {},
}


@pytest.fixture
async def api(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as running:
        yield running


async def token_for(api: Api, key: str) -> str:
    made = await done(api, "POST", "/v1/auth/access_token", {}, json={"apiKey": key})
    assert made["expiresIn"] == "3600"
    return str(made["token"])


async def key_of(api: Api, *scopes: str, user: str) -> str:
    return (await add_key(api, *scopes, user=user))["Authorization"].removeprefix("Bearer ")


async def test_an_access_token_does_what_its_key_may_until_it_or_the_key_ends(api: Api) -> None:
    await add_user(api, "ann")
    key = await key_of(api, "read", "operate", user="ann")
    token = await token_for(api, key)
    bare, bearer = {"Authorization": token}, {"Authorization": f"Bearer {token}"}

    user = await done(api, "GET", "/v1/auth/user", bare)
    assert (user["user"]["displayName"], user["user"]["role"]) == ("ann", "ROLE_NONE")
    assert await status(api, bearer) == 200  # of our own API
    assert await status(api, {"Authorization": key}) == 200  # the key itself, bare
    said, refused = await api.answer("POST", "/jobs", headers=bare, json={})
    assert (said, refused["message"]) == (403, "requires the scope submit")

    await done(api, "POST", "/v1/auth/signout", bare)
    assert await status(api, bare) == 401
    other = {"Authorization": await token_for(api, key)}
    assert await status(api, other) == 200
    await api.pool.execute("UPDATE sessions SET ends_at = now()")
    assert await status(api, other) == 401

    last = {"Authorization": await token_for(api, key)}
    keys = (await done(api, "GET", "/v1/auth/api_keys", last))["apiKeys"]
    await done(api, "POST", f"/v1/auth/api_keys/{keys[0]['id']}/revoke", last)
    assert await status(api, last) == 401


async def test_the_use_of_an_access_token_does_not_move_its_end(api: Api) -> None:
    await add_user(api, "ann")
    token = {"Authorization": await token_for(api, await key_of(api, "read", user="ann"))}
    await api.pool.execute("UPDATE sessions SET ends_at = now() + interval '1 minute'")
    before = await api.pool.fetchval("SELECT ends_at FROM sessions")
    assert await status(api, token) == 200
    assert await api.pool.fetchval("SELECT ends_at FROM sessions") == before


async def test_a_wrong_key_gets_no_token_in_the_form_of_their_errors(api: Api) -> None:
    sent = {"apiKey": f"cvk_0123456789abcdef_{'x' * 43}"}
    said, body = await api.answer("POST", "/v1/auth/access_token", json=sent)
    assert (said, body["code"], body["error"]["code"]) == (401, 16, "unauthenticated")
    assert sent["apiKey"] not in str(body)


async def test_secrets_are_kept_listed_and_deleted_by_type_and_id(api: Api) -> None:
    ann = await add_user(api, "ann")
    sent: dict[str, Any] = {"secret": SECRET, "secretKey": "the-secret-key"}
    made = await done(api, "POST", "/v1/auth/secrets", ann, json=sent)
    assert (made["secret"]["secretType"], made["secret"]["accessKey"]) == ("aws", "AKIATEST")
    assert [one["id"] for one in await done(api, "GET", "/secrets", ann)] == ["team-s3"]

    for query, count in (("", 1), ("?secretType=s3", 1), ("?secretType=gcp", 0)):
        listed = await done(api, "GET", f"/v1/auth/secrets{query}", ann)
        assert len(listed["secrets"]) == count
        assert "the-secret-key" not in str(listed)

    wrong, _ = await api.answer("DELETE", "/v1/auth/secrets/gcp/team-s3", headers=ann)
    assert wrong == 404
    assert (await done(api, "DELETE", "/v1/auth/secrets/aws/team-s3", ann))["ok"] is True
    assert await done(api, "GET", "/v1/auth/secrets", ann) == {"secrets": []}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "a b"}, "secret.id"),
        ({"secretType": "ftp"}, "secret.secretType"),
        ({"accessKey": None}, "secret"),
        ({"expiresAt": "soon"}, "secret.expiresAt"),
    ],
)
async def test_what_is_wrong_with_a_secret_is_told_at_its_field(
    api: Api, change: dict[str, Any], field: str
) -> None:
    ann = await add_user(api, "ann")
    sent = {"secret": SECRET | change, "secretKey": "the-secret-key"}
    said, body = await api.answer("POST", "/v1/auth/secrets", headers=ann, json=sent)
    assert (said, body["details"][0]["field"]) == (422, field)
    assert "the-secret-key" not in str(body)


@pytest.mark.parametrize(
    ("method", "path", "expected", "why"),
    [
        ("POST", "/v1/auth/skip", 404, "no sign-up"),
        ("PATCH", "/v1/auth/user", 405, "PATCH /users/{username}"),
        ("POST", "/v1/wallet/redeem_coupon", 404, "no coupons"),
    ],
)
async def test_what_there_is_not_is_refused_with_the_reason(
    api: Api, method: str, path: str, expected: int, why: str
) -> None:
    headers = await add_key(api, "read", user=None)
    said, refused = await api.answer(method, path, headers=headers, json={})
    assert (said, refused["error"]["code"]) == (expected, "not_supported")
    assert why in refused["message"]
