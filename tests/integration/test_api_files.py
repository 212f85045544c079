"""What the tasks of a job have kept: listed, and sent whole, in part or as a tar."""

import io
import json
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.files.directory.store import DirectoryStore
from shared.lifecycle import Task
from tests.support.files.kept import keep_directory, keep_file
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import PROTECTED, add_user, hash_cheaply, submit
from tests.support.http.raw_client import raw_client

pytestmark = pytest.mark.real

JOB = "name: j\ntasks: [{name: a}]"
TREE: dict[str, bytes | str] = {
    "a.txt": b"alpha",
    "sub/b.txt": b"beta",
    "sub/deep/c.txt": b"gamma",
    "sub/link": "b.txt",
    "z": b"",
}


@dataclass
class Rig:
    api: Api
    store: DirectoryStore
    job_id: str
    modes: dict[str, int] = field(default_factory=dict)
    """Of the files in the tars that were sent."""

    async def task(
        self, id_: str, name: str, position: int = 1, attempt: int = 0, **columns: Any
    ) -> Task:
        """`columns` as `var`, `kind`, `parent_id`, `child_index`; `later` by so many seconds."""
        task = await self.api.add_task(
            self.job_id, {"name": name}, id=id_, position=position, attempt=attempt
        )
        async with self.api.pool.acquire() as connection:
            await connection.execute(
                "UPDATE tasks SET created_at = created_at + $2, var = $3, kind = $4,"
                " parent_id = $5, child_index = $6, subjob_id = $7 WHERE id = $1",
                id_,
                timedelta(seconds=columns.get("later", 0)),
                columns.get("var"),
                columns.get("kind", "task"),
                columns.get("parent_id"),
                columns.get("child_index"),
                columns.get("subjob_id"),
            )
        return task

    async def file(self, task: Task, name: str, content: bytes, file_name: str = "") -> str:
        return await keep_file(self.api.pool, self.store, task, name, content, file_name)

    async def directory(self, task: Task, name: str, tree: dict[str, bytes | str] = TREE) -> None:
        await keep_directory(self.api.pool, self.store, task, name, tree)

    async def content(self, path: str) -> bytes:
        answer = await self.api.raw("GET", f"/jobs/{self.job_id}/files{path}")
        assert answer.status == 200, await answer.text()
        return await answer.read()

    async def tar(self, path: str) -> dict[str, bytes | str]:
        """Contents by path; of a symbolic link what it leads to."""
        found: dict[str, bytes | str] = {}
        with tarfile.open(fileobj=io.BytesIO(await self.content(path))) as archive:
            for member in archive:
                if member.issym():
                    found[member.name] = member.linkname
                elif member.isfile():
                    self.modes[member.name] = member.mode
                    opened = archive.extractfile(member)
                    assert opened is not None
                    found[member.name] = opened.read()
        return found

    async def refusal(self, path: str) -> tuple[int, str]:
        status, body = await self.api.answer("GET", f"/jobs/{self.job_id}/files{path}")
        return status, body["message"]


@pytest.fixture
async def rig(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Rig]:
    store = DirectoryStore(tmp_path)
    async with api_on(postgres_dsn, files=store) as api:
        yield Rig(api, store, (await api.submit(JOB))["id"])


async def family(rig: Rig) -> None:
    """An `each` with three children, of which the second was tried twice and the third kept
    nothing."""
    await rig.task("e", "split", kind="each")
    for index in range(3):
        child = await rig.task(f"c{index}", "part", parent_id="e", child_index=index)
        if index < 2:
            await rig.file(child, "out", b"old" if index else b"first", "o.txt")
    again = await rig.task("c1b", "part", later=9, attempt=1, parent_id="e", child_index=1)
    await rig.directory(again, "out", {"x/y": b"second"})


async def test_the_artifacts_of_a_job_are_listed(rig: Rig) -> None:
    task = await rig.task("t1", "build it")
    digest = await rig.file(task, "report", b"12345", "report.html")
    await rig.directory(await rig.task("t2", "pack", position=2), "all")

    page = await rig.api.get(f"/jobs/{rig.job_id}/files")
    assert (page["totalItems"], page["size"]) == (2, 2)
    report, everything = page["items"]
    created_at = report.pop("createdAt")
    assert created_at.endswith("Z")
    assert report == {
        "name": "report",
        "path": "build it/report",
        "url": f"/jobs/{rig.job_id}/files/t1/report",
        "jobId": rig.job_id,
        "taskId": "t1",
        "task": "build it",
        "attempt": 0,
        "fileName": "report.html",
        "size": 5,
        "sha256": digest,
    }
    assert (everything["files"], everything["size"] % 512) == (4, 0)
    for listed in (report, everything):
        assert (await rig.api.raw("GET", listed["url"])).status == 200


async def test_a_list_is_narrowed_to_a_task_and_an_attempt(rig: Rig) -> None:
    await family(rig)

    async def listed(query: str) -> list[tuple[str, int, str]]:
        page = await rig.api.get(f"/jobs/{rig.job_id}/files?{query}")
        return [(item["taskId"], item["attempt"], item["path"]) for item in page["items"]]

    first = ("c0", 0, "split/0/out")
    assert await listed("") == [first, ("c1", 0, "split/1/out"), ("c1b", 1, "split/1/out")]
    assert await listed("task=split&attempt=1") == [("c1b", 1, "split/1/out")]
    assert await listed("task=c0") == [first]
    assert await listed("task=none") == []
    assert await listed("size=1&page=2") == [("c1", 0, "split/1/out")]


async def test_a_file_is_found_by_name_var_id_and_index(rig: Rig) -> None:
    await family(rig)
    named = await rig.task("t2", "n", position=2, var="v")
    await rig.file(named, "f", b"by name")
    for path in ("/n/f", "/v/f", "/t2/f"):
        assert await rig.content(path) == b"by name"
    for path in ("/split/0/out", "/e/00/out", "/c0/out"):
        assert await rig.content(path) == b"first"
    assert await rig.content("/split/1/out/x/y") == b"second"
    assert await rig.content("/c1/out") == b"old"


async def test_what_a_sub_job_has_kept_is_found_by_the_task_that_stands_for_it(rig: Rig) -> None:
    inner = replace(rig, job_id=(await rig.api.submit(JOB))["id"])
    await family(inner)
    for position, name in ((2, "join"), (3, "other")):
        task = await inner.task(name, name, position=position)
        await inner.file(task, name, name.encode())
        await inner.file(task, "twice", b"?")
    await rig.task("s", "whole", kind="subjob", subjob_id=inner.job_id)

    assert await rig.content("/whole/join") == b"join"
    assert await rig.content("/whole/out/0") == b"first"
    assert set(await rig.tar("/whole/out")) == {"0/o.txt", "1/x/y", "manifest.json"}
    assert await rig.refusal("/whole/none") == (
        404,
        "no such file: the task has kept no artifact 'none'",
    )
    status, text = await rig.refusal("/whole/twice")
    assert (status, "several tasks of the sub-job" in text) == (409, True)


async def stands_for(rig: Rig, task_id: str, subjob: Rig) -> None:
    async with rig.api.pool.acquire() as connection:
        await connection.execute(
            "UPDATE jobs SET parent_job_id = $1, parent_task_id = $2 WHERE id = $3",
            rig.job_id,
            task_id,
            subjob.job_id,
        )


async def test_what_sub_jobs_have_kept_is_listed_at_the_place_of_their_tasks(rig: Rig) -> None:
    """Each path leads to its file, at any depth, also where artifacts have the names of tasks."""
    whole = replace(rig, job_id=(await rig.api.submit(JOB))["id"])
    part = replace(rig, job_id=(await rig.api.submit(JOB))["id"])
    await family(whole)
    join = await whole.task("join", "join", position=2)
    await whole.directory(join, "join", {"join/x": b"x"})
    await part.file(await part.task("p", "inner"), "f", b"deep")
    await whole.task("w", "more", position=3, kind="subjob", subjob_id=part.job_id)
    await rig.task("fan", "fan", position=2, kind="each")
    again: Any = {"kind": "subjob", "parent_id": "fan", "subjob_id": whole.job_id}
    await rig.task("s", "whole", child_index=0, **again)
    await rig.task("s2", "whole", attempt=1, later=5, child_index=0, **again)
    await stands_for(whole, "w", part)
    await stands_for(rig, "s", whole)
    await rig.file(await rig.task("a", "first"), "out", b"1")
    await rig.file(await rig.task("z", "last", position=3), "out", b"2")

    async def listed(query: str = "") -> list[tuple[str, str]]:
        page = await rig.api.get(f"/jobs/{rig.job_id}/files?{query}")
        return [(item["path"], item["jobId"]) for item in page["items"]]

    inner = [(f"fan/0/{path}", whole.job_id) for path in ("e/0/out", "e/1/out", "e/1/out")]
    inner = [(path.replace("/e/", "/split/"), job_id) for path, job_id in inner]
    inner += [("fan/0/join/join", whole.job_id), ("fan/0/more/inner/f", part.job_id)]
    everything = [("first/out", rig.job_id), *inner, ("last/out", rig.job_id)]
    assert await listed() == everything
    assert await listed("size=2&page=2") == everything[2:4]
    assert await listed("task=fan") == await listed("task=whole") == inner
    assert await listed("task=inner") == inner[-1:]

    assert await rig.content("/fan/0/split/0/out") == b"first"
    assert await rig.content("/fan/0/split/1/out/x/y") == b"second"
    assert await rig.content("/fan/0/more/inner/f") == b"deep"
    assert await rig.tar("/fan/0/join/join") == {"join/x": b"x"}
    entries = await rig.api.get(f"/jobs/{rig.job_id}/files?path=fan/0/join/join")
    assert [entry["path"] for entry in entries["items"]] == ["fan/0/join/join/join"]
    assert await rig.content("/fan/0/join/join/join/x") == b"x"
    assert set(await rig.tar("?format=tar")) == {
        "first/out/out",
        "last/out/out",
        "fan/0/split/0/out/o.txt",
        "fan/0/split/1/out/x/y",
        "fan/0/join/join/join/x",
        "fan/0/more/inner/f/f",
    }
    assert set(await rig.tar("?format=tar&task=inner")) == {"fan/0/more/inner/f/f"}


async def test_a_file_in_a_directory_is_sent_whole_or_in_part(rig: Rig) -> None:
    await rig.directory(await rig.task("t1", "t"), "d")
    assert await rig.content("/t/d/sub/deep/c.txt") == b"gamma"
    assert await rig.content("/t/d/z") == b""
    await rig.directory(await rig.task("t2", "odd", 2), "d", {"new\nline": b"delta"})
    assert await rig.content("/odd/d/new%0Aline") == b"delta"
    url = f"/jobs/{rig.job_id}/files/t/d/sub/b.txt"
    part = await rig.api.raw("GET", url, headers={"Range": "bytes=1-2"})
    assert (part.status, await part.read()) == (206, b"et")
    assert part.headers["Content-Range"] == "bytes 1-2/4"
    etag = part.headers["ETag"]
    known = await rig.api.raw("GET", url, headers={"If-None-Match": etag})
    assert known.status == 304
    head = await rig.api.raw("HEAD", url)
    assert (head.headers["Content-Length"], head.headers["ETag"]) == ("4", etag)
    assert (await rig.api.raw("GET", url, headers={"Range": "bytes=9-"})).status == 416


async def test_a_directory_is_listed_level_by_level(rig: Rig) -> None:
    await rig.directory(await rig.task("t1", "t"), "d")

    async def listed(query: str) -> list[dict[str, Any]]:
        page = await rig.api.get(f"/jobs/{rig.job_id}/files?path={query}")
        assert page["totalItems"] >= len(page["items"])
        items: list[dict[str, Any]] = page["items"]
        return items

    top = await listed("t/d")
    assert [(e["name"], e["kind"], e.get("size"), e.get("files")) for e in top] == [
        ("a.txt", "file", 5, None),
        ("sub", "directory", 9, 2),
        ("z", "file", 0, None),
    ]
    inner = await listed("t/d/sub")
    assert [(e["name"], e["kind"], e["path"], e.get("target")) for e in inner] == [
        ("b.txt", "file", "t/d/sub/b.txt", None),
        ("deep", "directory", "t/d/sub/deep", None),
        ("link", "symlink", "t/d/sub/link", "b.txt"),
    ]
    assert await rig.content("/" + inner[0]["path"]) == b"beta"
    assert [e["name"] for e in await listed("t/d&size=1&page=2")] == ["sub"]


async def test_a_directory_is_sent_as_a_tar_whole_or_in_part(rig: Rig) -> None:
    await rig.directory(await rig.task("t1", "t"), "d")
    assert await rig.tar("/t/d?format=tar") == TREE
    assert await rig.tar("/t/d/sub") == {
        "sub/b.txt": b"beta",
        "sub/deep/c.txt": b"gamma",
        "sub/link": "b.txt",
    }
    whole = await rig.content("/t/d")
    url = f"/jobs/{rig.job_id}/files/t/d?format=tar"
    part = await rig.api.raw("GET", url, headers={"Range": "bytes=512-1023"})
    assert (part.status, await part.read()) == (206, whole[512:1024])
    assert part.headers["Content-Type"] == "application/x-tar"
    assert part.headers["Content-Disposition"].startswith('attachment; filename="d.tar"')


async def test_what_all_children_have_kept_is_one_directory(rig: Rig) -> None:
    await family(rig)
    for path in ("/split/out", "/part/out?format=tar"):
        found = await rig.tar(path)
        manifest = found.pop("manifest.json")
        assert isinstance(manifest, bytes)
        children = json.loads(manifest)
        assert found == {"0/o.txt": b"first", "1/x/y": b"second"}
        assert rig.modes["0/o.txt"] == 0o755
        assert [(c["index"], c["task"], c["state"]) for c in children] == [
            (0, "c0", "SCHEDULED"),
            (1, "c1b", "SCHEDULED"),
            (2, "c2", "SCHEDULED"),
        ]
        assert [[f["name"] for f in c["files"]] for c in children] == [["o.txt"], ["x/y"], []]


async def test_all_that_a_job_has_kept_is_one_tar(rig: Rig) -> None:
    await family(rig)
    for position in (2, 3):  # of the same name
        task = await rig.task(f"t{position}", "same", position=position)
        await rig.file(task, "f", b"%d" % position, "f.txt")
    assert await rig.tar("?format=tar") == {
        "split/0/out/o.txt": b"first",
        "split/1/out/x/y": b"second",
        "same/f/f.txt": b"2",
        "same-t3/f/f.txt": b"3",
    }
    assert rig.modes["same/f/f.txt"] == 0o755
    assert await rig.tar("?format=tar&task=c0") == {"split/0/out/o.txt": b"first"}
    assert await rig.tar("?format=tar&task=none") == {}


REFUSED = [
    ("/t/d?format=zip", 400, 'format: "zip" is not allowed: must be tar'),
    ("/none/f", 404, "no such file: the job has had no task 'none' yet"),
    ("/t/none", 404, "no such file: the task has kept no artifact 'none'"),
    ("/t", 404, "no such file: the name of an artifact must follow that of its task"),
    ("/t/d/none", 404, "no such file: 'none' is not in the artifact"),
    ("/t/f/x", 404, "no such file: 'x' is not in the artifact"),
    ("/t/d/sub/link", 404, "no such file: 'sub/link' is not in the artifact"),
    ("/split/7/out", 404, "no such file: the task has no child 7"),
    ("/split/out/0", 404, "no such file: the index of a child must follow the name of its task"),
    ("/t/d/..%2f..%2fetc%2fpasswd", 404, "no such file: '../../etc/passwd' is not in the"),
    ("/t/d/sub%2f..%2fa.txt", 404, "no such file: 'sub/../a.txt' is not in the artifact"),
    ("/t/%00", 404, "no such file"),
    ("/t/d/" + "x" * 7000, 404, "no such file"),
    ("/same/f", 409, "several tasks of the job are called 'same': use an id"),
    ("/t/f?format=tar", 400, "format: must not be given: this is a file"),
    ("/t/f?format=zip", 400, "format: "),
    ("?path=t/f", 400, "path: 't/f' is not allowed: it is not one directory"),
    ("?path=split/out", 400, "path: 'split/out' is not allowed: it is not one directory"),
    ("?path=t/d&task=t", 400, "path: must not be given with format, task or attempt"),
    ("?attempt=x", 400, "attempt: "),
]


async def test_what_names_no_file_is_refused_in_words(rig: Rig) -> None:
    await family(rig)
    task = await rig.task("t2", "t", position=2)
    await rig.directory(task, "d")
    await rig.file(task, "f", b"x")
    for position in (3, 4):
        await rig.file(await rig.task(f"t{position}", "same", position=position), "f", b"")

    for path, status, message in REFUSED:
        answered, text = await rig.refusal(path)
        assert (answered, text[: len(message)]) == (status, message), path


async def test_a_page_that_a_task_has_written_does_nothing_in_a_browser(rig: Rig) -> None:
    task = await rig.task("t1", "t")
    await rig.file(task, "page", b"<script>alert(1)</script>", 'x";\r\n.html')
    answer = await rig.api.raw("GET", f"/jobs/{rig.job_id}/files/t/page")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"x____.html\"; filename*=UTF-8''x%22%3B%0D%0A.html"
    )


async def test_files_are_for_those_who_may_see_the_job(
    postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_cheaply(monkeypatch)
    store = DirectoryStore(tmp_path)
    async with api_on(postgres_dsn, files=store, auth=PROTECTED) as api:
        owner, viewer, stranger = [await add_user(api, n) for n in ("ann", "vic", "eve")]
        job = await submit(api, owner, JOB + "\npermissions: [{user: vic, access: view}]")
        task = await api.add_task(job["id"], {"name": "t"})
        await keep_file(api.pool, store, task, "f", b"secret")
        urls = [f"/jobs/{job['id']}/files{more}" for more in ("", "/t/f", "?format=tar")]
        for url in urls:
            for who, status in ((owner, 200), (viewer, 200), (stranger, 404), ({}, 401)):
                assert (await api.raw("GET", url, headers=who)).status == status, (url, status)


async def test_without_a_store_there_is_a_clear_text(postgres_dsn: str, tmp_path: Path) -> None:
    async with api_on(postgres_dsn) as api:
        job_id = (await api.submit(JOB))["id"]
        await keep_file(api.pool, DirectoryStore(tmp_path), await api.add_task(job_id), "f", b"x")
        assert (await api.get(f"/jobs/{job_id}/files"))["totalItems"] == 1
        status, body = await api.answer("GET", f"/jobs/{job_id}/files/t/f")
        assert status == 409
        assert "CONVEYOR_FILES_STORE" in body["message"]


async def test_a_store_that_fails_never_makes_a_short_answer(rig: Rig, tmp_path: Path) -> None:
    task = await rig.task("t1", "t")
    await rig.file(task, "a", b"a" * 3_000_000)
    await rig.file(task, "b", b"b" * 3_000_000)
    for content in (tmp_path / "contents").iterdir():
        if content.read_bytes()[:1] == b"b":
            content.write_bytes(b"b" * 2_000_000)
    for path in ("/t/b", "?format=tar"):
        async with raw_client(rig.api) as client:
            url = f"/jobs/{rig.job_id}/files{path}"
            await client.send(f"GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert b" 200 " in await client.head()
            rest = await client.rest()
            assert not rest.endswith(b"0\r\n\r\n")
            assert len(rest) < 3_000_000 or path != "/t/b"


async def test_an_object_that_is_gone_is_a_404(rig: Rig) -> None:
    task = await rig.task("t1", "t")
    await rig.file(task, "f", b"x")
    await rig.store.delete(f"{rig.job_id}/t1/0.1/f")
    assert (await rig.refusal("/t/f"))[0] == 404
