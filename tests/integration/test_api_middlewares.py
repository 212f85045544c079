"""What an operator can put around the API: CORS, a rate limit, a request log, groups turned off."""

import pytest
import structlog

from services.coordinator.auth_settings import AuthSettings, CorsSettings
from services.coordinator.settings import ApiSettings, EndpointSettings, RateSettings
from tests.support.http.api import YAML, Api, api_on
from tests.support.http.authenticated_api import OPERATOR, PROTECTED, add_key
from tests.support.http.route_scopes import SCOPES

pytestmark = pytest.mark.real

ORIGIN = "https://ui.example.com"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
ALLOWED = "Access-Control-Allow-Origin"


async def test_without_the_setting_no_page_of_another_origin_may_read(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn) as api:
        response = await api.raw("GET", "/jobs", headers={"Origin": ORIGIN})
        assert ALLOWED not in response.headers
        told = await api.raw("OPTIONS", "/jobs", headers=PREFLIGHT)
        assert (told.status, told.headers["Allow"]) == (204, "DELETE,GET,HEAD,POST")
        assert ALLOWED not in told.headers


async def test_a_browser_is_told_what_pages_of_an_origin_may_do(postgres_dsn: str) -> None:
    cors = CorsSettings(origins=f"https://x.example, {ORIGIN}", credentials=True)
    async with api_on(postgres_dsn, cors=cors, auth=PROTECTED) as api:
        asked = await api.raw("OPTIONS", "/jobs/x/cancel", headers=PREFLIGHT)
        assert asked.status == 204
        assert asked.headers[ALLOWED] == ORIGIN
        assert "PUT" in asked.headers["Access-Control-Allow-Methods"]
        assert "X-API-Key" in asked.headers["Access-Control-Allow-Headers"]
        assert asked.headers["Access-Control-Max-Age"] == "600"
        refused = await api.raw("GET", "/jobs", headers={"Origin": ORIGIN})
        assert refused.status == 401
        assert refused.headers[ALLOWED] == ORIGIN
        assert refused.headers["Access-Control-Allow-Credentials"] == "true"
        assert refused.headers["Vary"] == "Origin"


async def test_a_stranger_origin_is_told_nothing(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn, cors=CorsSettings(origins=ORIGIN)) as api:
        for method in ("OPTIONS", "GET"):
            headers = PREFLIGHT | {"Origin": "https://evil.example"}
            assert ALLOWED not in (await api.raw(method, "/jobs", headers=headers)).headers


async def test_too_many_requests_are_told_when_to_come_back(postgres_dsn: str) -> None:
    rate = RateSettings(per_second=0.01, burst=2)
    async with api_on(postgres_dsn, rate=rate) as api:
        statuses = [(await api.raw("GET", "/jobs")).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        refused = await api.raw("GET", "/nodes")
        assert 0 < int(refused.headers["Retry-After"]) <= 100
        assert (await refused.json())["message"].startswith("too many requests: try again in")
        assert (await api.raw("GET", "/health")).status == 200


async def test_each_principal_is_counted_alone(postgres_dsn: str) -> None:
    rate = RateSettings(per_second=0.01, burst=1)
    async with api_on(postgres_dsn, rate=rate, auth=PROTECTED) as setup:
        keys = [(await _unlimited_key(setup)) for _ in range(2)]
        assert [await _status(setup, key) for key in keys] == [200, 200]
        assert [await _status(setup, key) for key in keys] == [429, 429]


async def _unlimited_key(api: Api) -> dict[str, str]:
    """A key made past the door, which would count the one who makes it."""
    from services.coordinator.credentials import new_key
    from services.coordinator.store.access import NewKey, add_key
    from services.coordinator.store.connected import connected

    made = new_key()
    row = NewKey(id=made.id, name="k", digest=made.digest, scopes=["read"])
    assert await connected(api.pool, add_key, row)
    return {"X-API-Key": made.text}


async def _status(api: Api, headers: dict[str, str]) -> int:
    return (await api.raw("GET", "/jobs", headers=headers)).status


async def test_who_guesses_credentials_is_slowed_down(postgres_dsn: str) -> None:
    rate = RateSettings(per_second=0.01, burst=3)
    async with api_on(postgres_dsn, rate=rate, auth=PROTECTED) as api:
        wrong = {"X-API-Key": "wrong"}
        assert [await _status(api, wrong) for _ in range(4)] == [401, 401, 401, 429]


async def test_a_body_over_the_limit_is_refused(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn, api=ApiSettings(body_limit_bytes=1000)) as api:
        data = b"name: " + b"x" * 2000
        status, answer = await api.answer("POST", "/jobs", data=data, headers=YAML)
        assert (status, answer["message"]) == (
            413,
            "the body is too large: the limit is 1000 bytes",
        )


@pytest.mark.parametrize(
    ("level", "seen"), [("info", ["info"]), ("warning", ["warning"]), ("off", [])]
)
async def test_the_request_log_is_at_the_level_that_is_set(
    postgres_dsn: str, level: str, seen: list[str]
) -> None:
    async with api_on(postgres_dsn, api=ApiSettings(request_log=level)) as api:
        with structlog.testing.capture_logs() as lines:
            await api.raw("GET", "/jobs")
        requests = [line for line in lines if line["event"] == "request_served"]
        assert [line["log_level"] for line in requests] == seen
        assert all(line["path"] == "/jobs" and line["status"] == 200 for line in requests)


GROUPS = list(EndpointSettings.model_fields)


def paths_of(group: str) -> list[str]:
    paths = {"users": ["/users", "/roles"], "schedules": ["/scheduled-jobs"],
             "page": ["/ui", "/ui/submit"],
             "docs": ["/docs", "/openapi.json"]}  # fmt: skip
    return paths.get(group, [f"/{group}"])


@pytest.mark.parametrize("group", GROUPS)
async def test_a_group_that_is_off_is_not_there(postgres_dsn: str, group: str) -> None:
    off = EndpointSettings(**{group: False})
    async with api_on(postgres_dsn, endpoints=off) as api:
        for path in paths_of(group):
            assert (await api.raw("GET", path)).status == 404


async def test_groups_that_are_off_are_not_described(postgres_dsn: str) -> None:
    described = [group for group in GROUPS if group not in ("docs", "page")]
    known = {path for _, path in SCOPES}
    for some, others in ((described[::2], described[1::2]), (described[1::2], described[::2])):
        off = EndpointSettings(**dict.fromkeys(some, False))
        async with api_on(postgres_dsn, endpoints=off) as api:
            served = set((await api.get("/openapi.json"))["paths"])
        assert not served & {path for group in some for path in paths_of(group)}
        assert served >= known & {path for group in others for path in paths_of(group)}


async def test_a_key_that_is_valid_is_never_in_the_log(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        key = await add_key(api, "read")
        with structlog.testing.capture_logs() as lines:
            for headers in (key, OPERATOR):
                await api.raw("GET", "/jobs", headers=headers)
        assert key["Authorization"].removeprefix("Bearer ") not in str(lines)
        assert OPERATOR["X-API-Key"] not in str(lines)


@pytest.mark.parametrize("host", ["evil.example:8000", "localhost.evil.example", "x@y", "[::1"])
async def test_where_nobody_is_asked_no_other_sites_name_leads_to_the_api(
    postgres_dsn: str, host: str
) -> None:
    async with api_on(postgres_dsn) as api:
        for path in ("/jobs", "/docs", "/no-such-path"):
            status, body = await api.answer("GET", path, headers={"Host": host})
            assert status == 421
            assert body["message"].startswith(f"Host: {host!r} is not allowed")


@pytest.mark.parametrize("host", ["localhost:8000", "api.localhost", "127.0.0.1:1", "[::1]:8000"])
async def test_this_machines_own_names_lead_to_it(postgres_dsn: str, host: str) -> None:
    async with api_on(postgres_dsn) as api:
        assert (await api.raw("GET", "/jobs", headers={"Host": host})).status == 200


@pytest.mark.parametrize("auth", [PROTECTED, AuthSettings(none_allowed=True)])
async def test_any_name_leads_to_an_api_that_asks_or_that_is_meant_for_everyone(
    postgres_dsn: str, auth: AuthSettings
) -> None:
    async with api_on(postgres_dsn, auth=auth) as api:
        headers = {**OPERATOR, "Host": "jobs.example.com"}
        assert (await api.raw("GET", "/jobs", headers=headers)).status == 200
