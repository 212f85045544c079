"""Files of jobs by the Python client, over connections that break."""

import asyncio
import hashlib
import io
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import conveyor
from conveyor import AsyncClient, Retries
from conveyor.jobs import Job, Source, Task
from shared.files.directory.store import DirectoryStore
from tests.support.eventually import eventually
from tests.support.files.cutting_link import CuttingLink, cutting_link
from tests.support.files.kept import keep_directory, keep_file
from tests.support.http.api import Api, api_on

pytestmark = pytest.mark.real

CONTENT = bytes(range(256)) * 20_000
QUICK = Retries(tries=20, first_pause_seconds=0.02, longest_pause_seconds=0.05)


@dataclass
class Rig:
    api: Api
    store: DirectoryStore
    root: Path
    link: CuttingLink
    client: AsyncClient
    job_id: str
    task: Any

    @asynccontextmanager
    async def cut_once(self, way: str) -> AsyncIterator[None]:
        """After a million bytes; then it is mended."""
        setattr(self.link, way, 1_000_000)

        async def is_cut() -> bool:
            return bool(getattr(self.link, way) == 0)

        async def mend() -> None:
            await eventually(is_cut)
            self.link.mend()

        async with asyncio.TaskGroup() as group:
            group.create_task(mend())
            yield

    @property
    def object_count(self) -> int:
        return len([path for path in self.root.glob("objects/**/*") if path.is_symlink()])


@pytest.fixture
async def rig(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Rig]:
    root = tmp_path / "store"
    store = DirectoryStore(root)
    async with api_on(postgres_dsn, files=store) as api, cutting_link(api.client.port or 0) as link:
        job_id = (await api.submit("name: j\ntasks: [{name: t}]"))["id"]
        task = await api.add_task(job_id)
        url = f"http://127.0.0.1:{link.port}"
        async with AsyncClient(url, retries=QUICK) as client:
            yield Rig(api, store, root, link, client, job_id, task)


async def test_a_download_goes_on_where_it_broke_off(rig: Rig, tmp_path: Path) -> None:
    await keep_file(rig.api.pool, rig.store, rig.task, "f", CONTENT, "f.bin")
    async with rig.cut_once("left_down"):
        saved = await rig.client.files.download(rig.job_id, "t/f", tmp_path)
    assert saved == tmp_path / "f.bin"
    assert saved.read_bytes() == CONTENT
    assert not list(tmp_path.glob(".*.part"))


async def test_what_never_arrives_whole_is_not_there(rig: Rig, tmp_path: Path) -> None:
    await keep_file(rig.api.pool, rig.store, rig.task, "f", CONTENT)
    for content in (rig.root / "contents").iterdir():
        content.write_bytes(CONTENT[:-1] + b"x")
    target = tmp_path / "f"
    target.write_bytes(b"before")
    with pytest.raises(conveyor.ConveyorError):
        await rig.client.files.download(rig.job_id, "t/f", target)
    assert target.read_bytes() == b"before"
    assert not list(tmp_path.glob(".*.part"))


async def test_files_are_listed_and_read(rig: Rig) -> None:
    tree: dict[str, bytes | str] = {"a": b"1", "sub/b": b"22"}
    await keep_directory(rig.api.pool, rig.store, rig.task, "d", tree)
    await keep_file(rig.api.pool, rig.store, rig.task, "empty", b"")
    files = rig.client.files
    listed = [one async for one in files.list(rig.job_id)]
    assert [(one.path, one.size, one.files) for one in listed] == [
        ("t/d", 3072, 2),
        ("t/empty", 0, None),
    ]
    assert [one async for one in files.list(rig.job_id, task="none")] == []
    inside = [one async for one in files.entries(rig.job_id, "t/d")]
    assert [(one.path, one.kind) for one in inside] == [("t/d/a", "file"), ("t/d/sub", "directory")]
    async with files.open(rig.job_id, "t/d/sub/b") as content:
        assert (content.name, content.size, content.is_directory) == ("b", 2, False)
        assert b"".join([chunk async for chunk in content]) == b"22"
        assert content.sha256 == hashlib.sha256(b"22").hexdigest()
    async with files.open(rig.job_id, "t/empty") as content:
        assert [chunk async for chunk in content] == [b""]
    async with files.open(rig.job_id, "t/d") as content:
        assert (content.name, content.is_directory) == ("d.tar", True)
    with pytest.raises(conveyor.NotFound, match="has kept no artifact 'x'"):
        async with files.open(rig.job_id, "t/x"):
            pass


async def test_all_files_are_saved_as_a_tar(rig: Rig, tmp_path: Path) -> None:
    await keep_file(rig.api.pool, rig.store, rig.task, "f", CONTENT, "f.bin")
    saved = await rig.client.files.tar(rig.job_id, tmp_path)
    assert saved == tmp_path / f"{rig.job_id}.tar"
    with tarfile.open(saved) as archive:
        assert archive.getnames() == ["t/f/f.bin"]
    async with rig.client.files.open(rig.job_id) as content:
        assert (content.is_directory, content.name) == (True, saved.name)
        assert b"".join([chunk async for chunk in content]) == saved.read_bytes()


async def test_an_upload_over_a_line_that_breaks_is_kept_once(rig: Rig, tmp_path: Path) -> None:
    source = tmp_path / "data.bin"
    source.write_bytes(CONTENT)
    async with rig.cut_once("left_up"):
        sent = await rig.client.uploads.create(source)
    assert (sent.name, sent.size) == ("data.bin", len(CONTENT))
    assert sent.sha256 == hashlib.sha256(CONTENT).hexdigest()
    # The answer to the second is lost.
    rig.link.left_down = 10
    sending = asyncio.ensure_future(rig.client.uploads.create(CONTENT, "again"))

    async def is_cut() -> bool:
        return rig.link.left_down == 0

    await eventually(is_cut)
    rig.link.mend()
    again = await sending
    assert [one.id async for one in rig.client.uploads.list()] == [again.id, sent.id]
    assert rig.object_count == 2


async def test_what_is_open_is_sent_from_where_it_is(rig: Rig, tmp_path: Path) -> None:
    file = io.BytesIO(b"0123")
    file.seek(2)
    sent = await rig.client.uploads.create(file, "x")
    assert sent.size == 2
    assert await rig.client.uploads.get(sent.id) == sent
    await rig.client.uploads.delete(sent.id)
    with pytest.raises(conveyor.NotFound):
        await rig.client.uploads.get(sent.id)
    with pytest.raises(ValueError, match="a name is required"):
        await rig.client.uploads.create(b"x")
    with pytest.raises(FileNotFoundError):
        await rig.client.uploads.create(tmp_path / "none")


async def test_a_job_takes_up_the_files_that_are_sent_with_it(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b\n")
    files: dict[str, Path | bytes] = {"data": tmp_path / "d.csv", "more": b"1"}
    sources = [Source(upload=name, target=name) for name in files]
    job = Job(name="x", tasks=[Task(name="a", run="true", sources=sources)])

    submitted = [
        (await rig.client.submit(each, files=files, idempotency_key="k")).id
        for each in (job, job.to_json())
    ]

    assert submitted[0] == submitted[1]
    uploads = [upload async for upload in rig.client.uploads.list()]
    assert sorted((one.name, one.used) for one in uploads) == [("d.csv", True), ("more", True)]
    with pytest.raises(TypeError, match="a mapping or a Job"):
        await rig.client.submit("name: x", files=files)
