"""Files that clients send for jobs to use."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from services.coordinator.settings import ApiSettings
from shared.files.directory.store import DirectoryStore
from shared.postgres.pool import acquired
from tests.support.files.stores import directory_place
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    OPERATOR,
    PROTECTED,
    Headers,
    add_user,
    hash_cheaply,
)
from tests.support.http.raw_client import raw_client

pytestmark = pytest.mark.real

TEXT = b"a,b\n1,2\n"
NONE: Headers = {}
KEY: Headers = {"Idempotency-Key": "k"}
DIGEST = hashlib.sha256(TEXT).hexdigest()


@dataclass
class Rig:
    api: Api
    root: Path
    user: Headers

    @property
    def object_count(self) -> int:
        return len([path for path in self.root.glob("objects/**/*") if path.is_symlink()])

    async def sent(
        self, content: bytes = TEXT, name: str = "x.csv", headers: Headers = NONE
    ) -> tuple[int, dict[str, object]]:
        return await self.api.answer(
            "POST",
            "/uploads",
            params={"name": name},
            data=BytesIO(content),
            headers={**self.user, **headers},
        )


@pytest.fixture
async def rig(
    postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    hash_cheaply(monkeypatch)
    settings = ApiSettings(upload_limit_bytes=3_000_000, body_timeout_seconds=0.5)
    store = DirectoryStore(tmp_path)
    async with api_on(postgres_dsn, files=store, auth=PROTECTED, api=settings) as api:
        yield Rig(api, tmp_path, await add_user(api, "ann"))


async def test_a_file_is_sent_shown_and_deleted(rig: Rig) -> None:
    status, sent = await rig.sent(headers={"Conveyor-SHA256": DIGEST})
    assert status == 200
    assert sent["createdAt"]
    assert sent | {"id": "", "createdAt": ""} == {
        "id": "",
        "name": "x.csv",
        "size": 8,
        "sha256": DIGEST,
        "used": False,
        "createdAt": "",
    }
    url = f"/uploads/{sent['id']}"
    assert await rig.api.get(url, headers=rig.user) == sent
    assert (await rig.api.get("/uploads", headers=rig.user))["items"] == [sent]
    assert await rig.api.answer("DELETE", url, headers=rig.user) == (200, {"status": "OK"})
    assert (await rig.api.answer("GET", url, headers=rig.user))[0] == 404


async def test_uploads_are_their_creators(rig: Rig) -> None:
    _, sent = await rig.sent()
    stranger, url = await add_user(rig.api, "eve"), f"/uploads/{sent['id']}"
    for method in ("GET", "DELETE"):
        assert await rig.api.answer(method, url, headers=stranger) == (
            404,
            {"message": "no such upload"},
        )
    assert (await rig.api.get("/uploads", headers=stranger))["totalItems"] == 0
    assert await rig.api.get(url, headers=OPERATOR) == sent


async def test_what_is_sent_twice_with_a_key_is_kept_once(rig: Rig) -> None:
    _, first = await rig.sent(headers=KEY)
    assert await rig.sent(headers=KEY) == (200, first)
    assert rig.object_count == 1
    status, body = await rig.sent(b"other", headers=KEY)
    assert (status, body["message"]) == (
        409,
        'Idempotency-Key: "k" was already used, with another body',
    )
    assert (await rig.sent(name="y.csv", headers=KEY))[0] == 409
    assert rig.object_count == 1
    others = Rig(rig.api, rig.root, await add_user(rig.api, "eve"))
    status, theirs = await others.sent(headers=KEY)
    assert (status, theirs["id"] == first["id"]) == (200, False)


async def test_what_a_job_uses_is_not_deleted(rig: Rig) -> None:
    _, sent = await rig.sent()
    async with acquired(rig.api.pool) as connection:
        await connection.execute("INSERT INTO upload_uses VALUES ($1, 'j1')", sent["id"])
    url = f"/uploads/{sent['id']}"
    assert (await rig.api.get(url, headers=rig.user))["used"] is True
    status, body = await rig.api.answer("DELETE", url, headers=rig.user)
    assert (status, body["message"]) == (409, "a job or a scheduled job uses this upload")


@pytest.mark.parametrize(
    ("name", "headers", "status", "message"),
    [
        ("", {}, 400, "name: must be given"),
        ("a/b", {}, 400, "name: 'a/b' is not allowed: must have no slash"),
        ("..", {}, 400, "name: '..' is not a name of an object: it has the segment '..'"),
        ("a\nb", {}, 400, "name: 'a\\nb' is not a name of an object: it has control characters"),
        ("é" * 128, {}, 400, "name: "),
        ("x", {"Conveyor-SHA256": "12"}, 400, "Conveyor-SHA256: '12' is not allowed: must be 64"),
        ("x", {"Conveyor-SHA256": "0" * 64}, 422, "'uploads/"),
        ("x", {"Content-Encoding": "gzip"}, 415, "Content-Encoding: 'gzip' is not allowed"),
        ("x", {"Content-Type": "multipart/form-data; boundary=x"}, 415, "send the file itself"),
        ("x", {"Idempotency-Key": "a b"}, 400, "Idempotency-Key: "),
    ],
)
async def test_what_breaks_a_rule_leaves_nothing(
    rig: Rig, name: str, headers: Headers, status: int, message: str
) -> None:
    answered, body = await rig.sent(name=name, headers=headers)
    assert (answered, str(body["message"])[: len(message)]) == (status, message)
    assert rig.object_count == 0
    await directory_place(rig.root).until_clean()


async def test_a_body_that_is_too_large_or_breaks_off_leaves_nothing(rig: Rig) -> None:
    user = "".join(f"{name}: {value}\r\n" for name, value in rig.user.items())
    head = f"POST /uploads?name=x HTTP/1.1\r\nHost: x\r\n{user}".encode()
    async with raw_client(rig.api) as client:
        await client.send(head + b"Content-Length: 3000001\r\n\r\n")
        assert b"the limit is 3000000 bytes" in await client.answer()
    async with raw_client(rig.api) as client:
        await client.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(4):
            await client.send(b"f4240\r\n" + bytes(1_000_000) + b"\r\n")
        assert b" 413 " in await client.answer()
    async with raw_client(rig.api) as client:
        await client.send(head + b"Content-Length: 2000000\r\n\r\n" + bytes(1_000_000))
        client.writer.transport.abort()
    async with raw_client(rig.api) as client:
        await client.send(head + b"Content-Length: 2000000\r\n\r\n" + bytes(1_000_000))
        assert b"the body came too slowly" in await client.answer()
    await directory_place(rig.root).until_clean()
    assert rig.object_count == 0
    assert (await rig.api.get("/uploads", headers=rig.user))["totalItems"] == 0


async def test_without_a_store_nothing_is_taken(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn) as api:
        status, body = await api.answer("POST", "/uploads?name=x", data=b"x")
        assert status == 409
        assert "CONVEYOR_FILES_STORE" in body["message"]
