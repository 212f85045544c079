"""Sessions of the page: how they begin, what they may do, and how they end."""

import base64
from collections.abc import AsyncIterator, Mapping

import pytest

from shared.postgres.pool import acquired
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    OPERATORS_KEY,
    Headers,
    add_key,
    add_user,
    hash_cheaply,
)
from tests.support.http.signed_in import ANN, AUTH, OPERATORS_PASSWORD, morsel_of, sign_in

pytestmark = pytest.mark.real

NEW_KEY = {"name": "x", "scopes": ["read"]}


@pytest.fixture
async def api(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=AUTH) as running:
        await add_user(running, "ann")
        yield running


async def count(api: Api) -> int:
    async with acquired(api.pool) as connection:
        found: int = await connection.fetchval("SELECT count(*) FROM sessions")
    return found


async def test_who_signs_in_learns_who_they_are_and_may_do_that(api: Api) -> None:
    await add_user(api, "boss", "admin")
    key = (await add_key(api, "read", user="ann"))["Authorization"].removeprefix("Bearer ")
    everything = ["read", "submit", "operate", "admin"]
    for credentials, user, roles, scopes in (
        (ANN, "ann", [], everything[:3]),
        ({**ANN, "username": "Ann"}, "ann", [], everything[:3]),
        ({"username": "boss", "password": "boss's password"}, "boss", ["admin"], everything),
        ({"key": key}, "ann", [], ["read"]),
        ({"key": OPERATORS_KEY}, None, [], everything),
        ({"username": "admin", "password": OPERATORS_PASSWORD}, None, [], everything),
    ):
        browser = await sign_in(api, credentials)
        told = await api.get("/session", headers=browser.headers)
        assert told == browser.shown
        assert (told.get("user"), told["roles"], told["scopes"]) == (user, roles, scopes)
        assert await browser.status() == 200
        made = await api.raw("POST", "/keys", json=NEW_KEY, headers=browser.proven)
        assert made.status == (200 if "operate" in scopes else 403)


async def test_who_is_not_signed_in_is_told_how_to(api: Api) -> None:
    told = await api.get("/session")
    assert told.pop("version")
    assert told == {
        "roles": [], "scopes": [],
        "isAuthenticationOn": True, "takesPasswords": True, "takesKeys": True,
    }  # fmt: skip
    stale = {"Cookie": f"conveyor_session=cvs_{'0' * 16}_{'x' * 43}"}
    assert (await api.get("/session", headers=stale))["scopes"] == []
    wrong = await api.answer("GET", "/session", headers={"X-API-Key": "wrong"})
    assert wrong == (401, {"message": "invalid credentials"})


async def test_without_authentication_everyone_may_do_everything(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn) as api:
        told = await api.get("/session")
        assert (told["isAuthenticationOn"], "csrfToken" in told) == (False, False)
        assert told["scopes"] == ["read", "submit", "operate", "admin"]
        status, refused = await api.answer("POST", "/session", json=ANN)
        assert (status, "authentication is off" in refused["message"]) == (400, True)
        assert (await api.answer("DELETE", "/session"))[0] == 200


@pytest.mark.parametrize(
    ("headers", "is_secure"),
    [
        ({}, False),
        ({"Origin": "http://HOST"}, False),
        ({"Origin": "https://HOST"}, True),
        ({"X-Forwarded-Proto": "https"}, True),
        ({"X-Forwarded-Proto": "http"}, False),
    ],
)
async def test_no_script_reads_the_cookie_and_no_other_site_sends_it(
    api: Api, headers: Headers, is_secure: bool
) -> None:
    host = api.client.make_url("").authority
    sent = {name: value.replace("HOST", host) for name, value in headers.items()}
    cookie, _ = await morsel_of(api, ANN, sent)
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    assert (cookie["domain"], cookie["max-age"]) == ("", "604800")
    assert bool(cookie["secure"]) == is_secure


async def test_no_token_is_stored_or_logged(api: Api) -> None:
    browser = await sign_in(api, ANN)
    async with acquired(api.pool) as connection:
        row = await connection.fetchrow("SELECT s::text AS text FROM sessions s")
    assert browser.cookie not in row["text"]
    assert browser.cookie.split("_", 2)[2] not in row["text"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "the body must have username and password, or key"),
        ({"username": "ann"}, "the body must have username and password, or key"),
        ({**ANN, "key": "x"}, "the body must have username and password, or key"),
        ({**ANN, "password": 1}, "password: must be text"),
        ({**ANN, "username": "a\x00"}, "must not hold NUL characters"),
        ({"key": ""}, "key: must not be empty"),
    ],
)
async def test_a_sign_in_that_says_too_little_is_told_what_is_missing(
    api: Api, body: Mapping[str, object], message: str
) -> None:
    status, refused = await api.answer("POST", "/session", json=body)
    assert status == 400
    assert message in refused["message"]


async def test_a_form_of_another_page_signs_nobody_in(api: Api) -> None:
    text = '{"username": "ann", "password": "ann\'s password"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        refused = await api.raw("POST", "/session", data=text, headers={"Content-Type": kind})
        assert (refused.status, "conveyor_session" in refused.cookies) == (400, False)


async def test_guessing_is_slowed_down_as_everywhere(api: Api) -> None:
    wrong = {**ANN, "password": "guess"}
    answers = [await api.raw("POST", "/session", json=wrong) for _ in range(7)]
    assert [answer.status for answer in answers] == [401] * 5 + [429] * 2
    assert "Basic" not in answers[0].headers["WWW-Authenticate"].replace("Basic realm", "")
    assert answers[-1].headers["Retry-After"] == "1"
    basic = base64.b64encode(b"ann:ann's password").decode()
    assert (
        await api.raw("GET", "/jobs", headers={"Authorization": f"Basic {basic}"})
    ).status == 429
    assert (await api.raw("POST", "/session", json={"key": "wrong"})).status == 401


ACTS = [("POST", "/keys"), ("DELETE", "/keys/x"), ("PUT", "/jobs/x/cancel"), ("DELETE", "/session")]


@pytest.mark.parametrize(("method", "path"), ACTS)
async def test_the_cookie_alone_changes_nothing(api: Api, method: str, path: str) -> None:
    browser, other = await sign_in(api, ANN), await sign_in(api, ANN)
    for token in (None, "", "x", "é", other.shown["csrfToken"]):
        shown = {} if token is None else {"X-CSRF-Token": token}
        status, refused = await api.answer(method, path, headers={**browser.headers, **shown})
        assert (status, refused["message"].split(":")[0]) == (403, "X-CSRF-Token")
    assert await browser.status() == 200
    body = NEW_KEY if path == "/keys" else None
    status = (await api.raw(method, path, json=body, headers=browser.proven)).status
    assert status in (200, 404)


async def test_a_key_or_password_needs_no_csrf_token_and_goes_before_the_cookie(api: Api) -> None:
    browser = await sign_in(api, {"key": OPERATORS_KEY})
    ann = await add_key(api, "read", "operate", user="ann")
    both = {**browser.headers, **ann}
    assert (await api.raw("POST", "/keys", json=NEW_KEY, headers=both)).status == 200
    assert (await api.get("/session", headers=both))["user"] == "ann"
    garbage = {**browser.headers, "Authorization": "Digest x"}
    assert (await api.raw("GET", "/jobs", headers=garbage)).status == 401


async def test_a_sign_in_ends_the_session_before_it(api: Api) -> None:
    before = await sign_in(api, ANN)
    after = await sign_in(api, ANN, before.headers)
    assert after.cookie != before.cookie
    assert (await before.status(), await after.status(), await count(api)) == (401, 200, 1)
    given = {"Cookie": f"conveyor_session=cvs_{'0' * 16}_{'x' * 43}"}
    fixed = await sign_in(api, ANN, given)
    assert fixed.cookie not in given["Cookie"]


async def test_who_signs_out_is_out(api: Api) -> None:
    browser = await sign_in(api, ANN)
    answer = await api.raw("DELETE", "/session", headers=browser.proven)
    assert answer.status == 200
    gone = answer.cookies["conveyor_session"]
    assert (gone.value, gone["max-age"], gone["path"]) == ("", "0", "/")
    assert (await browser.status(), await count(api)) == (401, 0)
    assert (await api.raw("DELETE", "/session", headers=browser.headers)).status == 200


async def test_a_browser_opens_no_dialog_over_the_page(api: Api) -> None:
    stale = {"Cookie": f"conveyor_session=cvs_{'0' * 16}_{'x' * 43}"}
    for headers, has_basic in (
        ({}, True),
        ({"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Mode": "cors"}, False),
        ({"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}, False),
        ({"X-Requested-With": "page"}, False),
        ({"Accept": "text/event-stream"}, False),
        (stale, False),
    ):
        refused = await api.raw("GET", "/jobs", headers=headers)
        challenge = refused.headers["WWW-Authenticate"]
        assert (refused.status, challenge.startswith("Basic")) == (401, has_basic)
        assert challenge.endswith('Bearer realm="conveyor"')
