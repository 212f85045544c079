"""What pages of other origins can do to an API that a browser reaches: nothing."""

import base64
from collections.abc import Mapping

import pytest

from services.coordinator.auth_settings import CorsSettings
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import OPERATORS_KEY, PROTECTED, add_user, hash_cheaply
from tests.support.http.signed_in import sign_in

pytestmark = pytest.mark.real

EVIL = "https://evil.example"
JOB = "name: x\ntasks: [{name: a}]"

FOREIGN: list[Mapping[str, str]] = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost"},
    {"Origin": "file://"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": EVIL},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "anything new"},
]
OWN: list[Mapping[str, str]] = [
    {},
    {"Origin": "http://HOST"},
    {"Origin": "https://HOST"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://HOST"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://name.of.the.proxy"},
    {"Sec-Fetch-Site": "none"},
]
FORMS = ["text/plain", "application/x-www-form-urlencoded", "text/yaml", "application/json"]


async def submitted(api: Api, headers: Mapping[str, str], kind: str = "text/yaml") -> int:
    host = api.client.make_url("").authority
    sent = {name: value.replace("HOST", host) for name, value in headers.items()}
    sent["Content-Type"] = kind
    return (await api.raw("POST", "/jobs", data=JOB, headers=sent)).status


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_a_page_of_another_origin_changes_nothing(
    postgres_dsn: str, headers: Mapping[str, str]
) -> None:
    async with api_on(postgres_dsn) as api:
        for kind in FORMS:
            assert await submitted(api, headers, kind) == 403
        for method, path in (("PUT", "/jobs/x/cancel"), ("DELETE", "/jobs"), ("POST", "/session")):
            assert (await api.raw(method, path, headers=headers)).status == 403
        _, refused = await api.answer("POST", "/jobs", headers=headers)
        assert "pages of other origins can change nothing here" in refused["message"]
        assert "CONVEYOR_CORS_ORIGINS" in refused["message"]
        socket = {**headers, "Connection": "Upgrade", "Upgrade": "websocket"}
        log = "/api/v1/orchestrator/jobs/x/logs"
        assert (await api.raw("GET", log, headers=socket)).status == 403
        assert (await api.raw("GET", "/jobs", headers=headers)).status == 200
        assert api.batcher.submitted == []


@pytest.mark.parametrize("headers", OWN, ids=str)
async def test_our_own_pages_and_whatever_is_no_browser_go_on(
    postgres_dsn: str, headers: Mapping[str, str]
) -> None:
    async with api_on(postgres_dsn) as api:
        assert await submitted(api, headers) == 200


async def test_an_origin_that_is_allowed_changes_what_it_may(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn, cors=CorsSettings(origins="https://ui.example")) as api:
        allowed = {"Origin": "https://ui.example", "Sec-Fetch-Site": "cross-site"}
        assert await submitted(api, allowed) == 200
        assert await submitted(api, {**allowed, "Origin": EVIL}) == 403


async def test_what_a_browser_remembers_does_not_let_a_page_of_another_origin_in(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends the password of an earlier dialog along; the cookie it does not, but who knows."""
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        await add_user(api, "ann")
        remembered = base64.b64encode(b"ann:ann's password").decode()
        browser = await sign_in(api, {"key": OPERATORS_KEY})
        for shown in ({"Authorization": f"Basic {remembered}"}, browser.proven):
            assert await submitted(api, shown) == 200
            for headers in FOREIGN:
                assert await submitted(api, {**shown, **headers}) == 403
