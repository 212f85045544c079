"""Large files come and go, and the rest of the API goes on answering."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.coordinator.settings import ApiSettings
from shared.files.directory.store import DirectoryStore
from tests.support.files.kept import keep_directory, keep_file
from tests.support.http.api import Api, api_on
from tests.support.stalls import never_holds_up_the_event_loop

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.usefixtures("spared_heap"),
]

SIZE = 20_000_000
AT_ONCE = 4


async def _pieces() -> AsyncIterator[bytes]:
    piece = os.urandom(100_000)
    for _ in range(SIZE // len(piece)):
        yield piece


async def _read(api: Api, url: str) -> None:
    async with api.client.get(url) as answer:
        assert answer.status == 200
        async for _ in answer.content.iter_any():
            pass


async def _send(api: Api, name: str) -> None:
    status, sent = await api.answer("POST", f"/uploads?name={name}", data=_pieces())
    assert (status, sent["size"]) == (200, SIZE)


async def test_the_list_of_a_large_directory_never_holds_up_the_event_loop(
    postgres_dsn: str, tmp_path: Path
) -> None:
    store, tree = DirectoryStore(tmp_path), {f"d/{n:05}": b"" for n in range(15_000)}
    async with api_on(postgres_dsn, files=store, api=ApiSettings(request_log="off")) as api:
        job_id = (await api.submit("name: j\ntasks: [{name: t}]"))["id"]
        await keep_directory(api.pool, store, await api.add_task(job_id), "f", tree)

        async def listed() -> None:
            page = await api.get(f"/jobs/{job_id}/files?path=t/f/d")
            assert page["totalItems"] == len(tree)

        await never_holds_up_the_event_loop(listed)


async def test_transfers_never_hold_up_the_event_loop(postgres_dsn: str, tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    settings = ApiSettings(request_log="off")
    async with api_on(postgres_dsn, files=store, api=settings) as api:
        job_id = (await api.submit("name: j\ntasks: [{name: t}]"))["id"]
        await keep_file(api.pool, store, await api.add_task(job_id), "f", bytes(SIZE))
        urls = [f"/jobs/{job_id}/files/t/f", f"/jobs/{job_id}/files?format=tar"]

        async def transferred() -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(AT_ONCE):
                    group.create_task(_read(api, urls[number % 2]))
                    group.create_task(_send(api, f"{number}"))

        await never_holds_up_the_event_loop(transferred)
