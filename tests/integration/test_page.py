"""How the page is served: to everyone, under a strict policy, and kept as long as it is right."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.coordinator.api import page
from services.coordinator.settings import EndpointSettings
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import PROTECTED

pytestmark = pytest.mark.real

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
INDEX = b"<!doctype html><title>Conveyor</title>"
SCRIPT = b"console.log('x');" * 100
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(page, "PAGE", tmp_path / "page")
    assets = tmp_path / "page" / "assets"
    assets.mkdir(parents=True)
    (tmp_path / "secret.js").write_bytes(b"secret")
    (assets.parent / "index.html").write_bytes(INDEX)
    (assets / "index-aB3_x.js").write_bytes(SCRIPT)
    (assets / ".hidden.js").write_bytes(b"hidden")
    (assets / "icon-1.png").write_bytes(b"png")
    return assets.parent


@pytest.fixture
async def api(built: Path, postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn, auth=PROTECTED) as running:
        yield running


@pytest.mark.parametrize("path", ["/", "/ui", "/ui/", "/ui/jobs/x?tab=log", "/ui/no/such.page"])
async def test_each_address_of_the_page_is_the_page(api: Api, path: str) -> None:
    response = await api.raw("GET", path, headers=BROWSER)
    assert (response.status, await response.read()) == (200, INDEX)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Content-Security-Policy"] == POLICY
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-cache"
    again = BROWSER | {"If-None-Match": response.headers["ETag"]}
    assert (await api.raw("GET", path, headers=again)).status == 304
    head = await api.raw("HEAD", path, headers=BROWSER)
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(INDEX)))
    assert (await api.raw("POST", path, headers=BROWSER)).status == 405


async def test_an_asset_is_kept_for_ever_and_compressed(api: Api) -> None:
    path = "/ui/assets/index-aB3_x.js"
    plain = await api.raw("GET", path, headers={"Accept-Encoding": "identity"})
    assert (plain.status, await plain.read()) == (200, SCRIPT)
    assert plain.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert plain.headers["Vary"] == "Accept-Encoding"
    async with api.client.get(path, headers={"Accept-Encoding": "br, gzip"}) as zipped:
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert int(zipped.headers["Content-Length"]) == len(gzip.compress(SCRIPT, mtime=0))
        assert await zipped.read() == SCRIPT
    picture = await api.raw("GET", "/ui/assets/icon-1.png", headers={"Accept-Encoding": "gzip"})
    assert picture.headers["Content-Type"] == "image/png"
    assert "Content-Encoding" not in picture.headers


@pytest.mark.parametrize(
    "name",
    ["index-old.js", ".hidden.js", "..%2f..%2fsecret.js", "%2e%2e%2findex.html", "..", "a%00.js",
     "index-aB3_x.js%2f", "%5c..%5cindex.html", "é.js"],
)  # fmt: skip
async def test_nothing_but_assets_is_an_asset(api: Api, name: str) -> None:
    response = await api.raw("GET", f"/ui/assets/{name}")
    body = await response.read()
    assert response.status == 404 or body == INDEX  # the client itself has shortened `..`
    assert body not in (b"secret", b"hidden")


async def test_the_head_names_what_the_address_needs_first_to_who_has_a_session(
    api: Api, built: Path
) -> None:
    entry = '"address": "/", "scripts": [], "styles": ["/a.css"], "data": ["/jobs?size=1"]'
    (built / "first.json").write_text(f"[{{{entry}}}]")
    (built / "index.html").write_bytes(b"<head></head>")

    unknown = await (await api.raw("GET", "/", headers=BROWSER)).text()
    known = BROWSER | {"Cookie": "conveyor_session=any"}
    response = await api.raw("GET", "/", headers=known)

    assert unknown == '<head><link rel="stylesheet" crossorigin href="/a.css">\n</head>'
    assert 'as="fetch" crossorigin href="/jobs?size=1"' in await response.text()
    again = BROWSER | {"If-None-Match": response.headers["ETag"]}
    assert (await api.raw("GET", "/", headers=again)).status == 200  # it has other links
    assert (await api.raw("GET", "/", headers=again | known)).status == 304
    other = await api.raw("GET", "/ui/submit", headers=known)
    assert await other.text() == "<head></head>"


async def test_a_page_that_is_built_anew_is_served_at_once(api: Api, built: Path) -> None:
    await api.raw("GET", "/", headers=BROWSER)
    (built / "index.html").write_bytes(b"new")
    assert await (await api.raw("GET", "/", headers=BROWSER)).read() == b"new"


async def test_who_is_no_browser_is_told_the_addresses(api: Api) -> None:
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        response = await api.raw("GET", "/", headers=headers)
        text = await response.text()
        assert (response.status, response.content_type) == (200, "text/plain")
        assert all(path in text for path in ("/docs", "/openapi.json", "/health"))


async def test_without_a_build_all_else_works_and_the_way_to_the_page_is_told(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "none")
    async with api_on(postgres_dsn) as api:
        for path, status in (("/", 200), ("/ui/jobs/x", 404)):
            response = await api.raw("GET", path, headers=BROWSER)
            text = await response.text()
            assert (response.status, response.content_type) == (status, "text/html")
            assert "<code>make run</code>" in text
            assert 'href="/docs"' in text
            assert response.headers["Content-Security-Policy"] == POLICY
        assert (await api.raw("GET", "/ui/assets/x.js")).status == 404
        assert (await api.raw("GET", "/docs")).status == 200
        assert (await api.raw("GET", "/jobs")).status == 200
    async with api_on(postgres_dsn, endpoints=EndpointSettings(docs=False)) as api:
        assert "/docs" not in await (await api.raw("GET", "/", headers=BROWSER)).text()
        assert "/docs" not in await (await api.raw("GET", "/")).text()


async def test_where_the_page_is_off_the_root_leads_to_the_documentation(postgres_dsn: str) -> None:
    off = EndpointSettings(page=False)
    async with (
        api_on(postgres_dsn, endpoints=off) as api,
        api.client.get("/", allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["Location"]) == (302, "/docs")
