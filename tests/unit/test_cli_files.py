"""`conveyor files`, `download` and `submit --file`: what a job keeps, and what is sent for it."""

import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from aiohttp import web

from cli.jobs.merging import merge
from tests.support.http.command_line import run_command
from tests.support.http.fake_api import FakeApi, fake_api, page, refusal

JOB = "a" * 32
AT = "2024-05-01T12:00:00Z"
USES_UPLOAD = "name: x\ntasks: [{name: a, run: ls, sources: [{upload: data, target: d.csv}]}]\n"


def kept(path: str, content: bytes, **fields: Any) -> dict[str, Any]:
    name = path.rpartition("/")[2]
    return {"name": name, "path": path, "url": "/x", "jobId": JOB, "taskId": "t1",
            "task": "make", "attempt": 0, "fileName": f"{name}.txt", "size": len(content),
            "createdAt": AT, "sha256": hashlib.sha256(content).hexdigest(), **fields}  # fmt: skip


def sent(content: bytes, name: str, kind: str = "application/octet-stream") -> Any:
    """An answer that knows ranges."""
    digest = hashlib.sha256(content).hexdigest()

    async def answer(request: web.Request) -> web.Response:
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        headers = {"ETag": f'"{digest}"', "Conveyor-SHA256": digest, "Content-Type": kind,
                   "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}  # fmt: skip
        return web.Response(status=206 if start else 200, body=content[start:], headers=headers)

    return answer


def tar_of(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as fake:
        yield fake


async def test_files_are_listed_by_the_path_that_download_takes(api: FakeApi) -> None:
    found = [kept("make/report", b"x" * 1500), kept("all/0/out", b"", files=12, attempt=2)]
    api.answers[f"GET /jobs/{JOB}/files"] = page(found)
    result = await run_command(api.url, "files", JOB)
    rows = [line.split()[:4] for line in result.stdout.splitlines()]
    assert rows[0] == ["PATH", "SIZE", "FILES", "ATTEMPT"]
    assert rows[1][:3] == ["make/report", "1.5", "kB"]
    assert rows[2] == ["all/0/out", "0", "B", "12"]
    assert max(map(len, result.stdout.splitlines())) <= 80


async def test_a_directory_is_listed_with_links_and_digests(api: FakeApi) -> None:
    entries = [
        {"name": "a", "path": "make/out/a", "kind": "file", "size": 3, "sha256": "ab" * 32},
        {"name": "l", "path": "make/out/l", "kind": "symlink", "target": "a"},
        {"name": "d", "path": "make/out/d", "kind": "directory", "size": 9, "files": 2},
    ]
    api.answers[f"GET /jobs/{JOB}/files"] = page(entries)
    result = await run_command(api.url, "files", JOB, "make/out")
    assert api.asked[0].query["path"] == "make/out"
    for text in ("make/out/a", "3 B", "abababababab", "make/out/l -> a", "make/out/d/"):
        assert text in result.stdout


async def test_all_files_are_saved_below_the_directories_of_their_tasks(
    api: FakeApi, tmp_path: Path
) -> None:
    found = [kept("make/report", b"one"), kept("make/out", b"", fileName="out", files=1),
             kept("sub/make/report", b"two"), kept("make/report", b"one", attempt=1)]  # fmt: skip
    api.answers[f"GET /jobs/{JOB}/files"] = page(found)
    api.answers[f"GET /jobs/{JOB}/files/make/report"] = sent(b"one", "report.txt")
    api.answers[f"GET /jobs/{JOB}/files/make/out"] = sent(
        tar_of(a=b"1"), "out.tar", "application/x-tar"
    )
    api.answers[f"GET /jobs/{JOB}/files/sub/make/report"] = sent(b"two", "report.txt")
    result = await run_command(api.url, "download", JOB, "-o", str(tmp_path / "to"))
    assert result.exit_code == 0, result.output
    of_subjob = tmp_path / "to/sub/make/report/report.txt"
    saved = [tmp_path / "to/make/report/report.txt", tmp_path / "to/make/out", of_subjob]
    assert result.stdout.splitlines() == [str(path) for path in saved]
    assert saved[0].read_bytes() == b"one"
    assert of_subjob.read_bytes() == b"two"
    assert (saved[1] / "a").read_bytes() == b"1"


async def test_one_file_is_saved_under_its_name_a_new_one_or_goes_to_standard_output(
    api: FakeApi, tmp_path: Path
) -> None:
    api.answers[f"GET /jobs/{JOB}/files/make/out"] = sent(b"content", "out.txt")
    for place in (tmp_path, tmp_path / "new.txt"):
        await run_command(api.url, "download", JOB, "make/out", "-o", str(place))
    printed = await run_command(api.url, "download", JOB, "make/out", "-o", "-")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.txt", "out.txt"]
    assert printed.stdout == "content"
    api.answers[f"GET /jobs/{JOB}/files"] = sent(b"all", "job.tar", "application/x-tar")
    printed = await run_command(api.url, "download", JOB, "-o", "-")
    assert (printed.stdout, api.asked[-1].query["format"]) == ("all", "tar")


async def test_an_interrupted_download_goes_on_when_it_is_repeated(
    api: FakeApi, tmp_path: Path
) -> None:
    content = b"abcdefgh"
    part = tmp_path / f".conveyor-{hashlib.sha256(content).hexdigest()}.part"
    part.write_bytes(b"abcde")
    what = f"GET /jobs/{JOB}/files/make/out"
    api.answers[what] = sent(content, "out.txt")
    result = await run_command(api.url, "download", JOB, "make/out", "-o", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert [asked.headers.get("Range") for asked in api.asked_for(what)] == [None, "bytes=5-"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]
    assert (tmp_path / "out.txt").read_bytes() == content


async def test_what_is_not_there_or_can_not_be_saved_is_said(api: FakeApi, tmp_path: Path) -> None:
    api.answers[f"GET /jobs/{JOB}/files/make/no"] = refusal(404, "no such file")
    api.answers[f"GET /jobs/{JOB}/files/make/out"] = sent(b"x", "out.txt")
    (tmp_path / "file").write_text("")
    missing = await run_command(api.url, "download", JOB, "make/no", "-o", str(tmp_path))
    blocked = await run_command(api.url, "download", JOB, "make/out", "-o", f"{tmp_path}/file/x")
    assert (missing.exit_code, "no such file" in missing.stderr) == (3, True)
    assert (blocked.exit_code, "can't save" in blocked.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


async def test_a_file_is_sent_before_the_job_that_names_it(api: FakeApi, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(b"a,b\n")
    digest = hashlib.sha256(b"a,b\n").hexdigest()
    api.answers["POST /uploads"] = {"id": "b" * 32, "name": "data.csv", "size": 4,
                                    "sha256": digest, "used": False, "createdAt": AT}  # fmt: skip
    api.answers["POST /jobs"] = {"id": "j1", "name": "x", "state": "PENDING"}
    result = await run_command(api.url, "submit", "-", "--file", f"data={data}", stdin=USES_UPLOAD)
    assert (result.exit_code, result.stdout) == (0, "j1\n"), result.output
    upload, job = api.asked
    assert (upload.query["name"], upload.body) == ("data.csv", b"a,b\n")
    assert f'"data": "{"b" * 32}"' in job.body.decode()


async def test_no_file_is_sent_where_one_is_missing(api: FakeApi, tmp_path: Path) -> None:
    for pair, reason in ("data", "NAME=PATH"), (f"data={tmp_path}", "send an archive"), (
        "data=nope", "does not exist"
    ):  # fmt: skip
        result = await run_command(api.url, "submit", "-", "--file", pair, stdin=USES_UPLOAD)
        assert (result.exit_code, reason in result.stderr) == (2, True), result.stderr
    assert api.asked == []


async def test_a_job_is_valid_with_the_files_that_come_with_it(
    api: FakeApi, tmp_path: Path
) -> None:
    (tmp_path / "d").write_text("")
    alone = await run_command("", "validate", "-", "--json", stdin=USES_UPLOAD)
    with_file = await run_command(
        "", "validate", "-", "--file", f"data={tmp_path}/d", stdin=USES_UPLOAD
    )
    assert alone.exit_code == 1
    assert json.loads(alone.stdout)[0]["problems"][0]["field"].endswith(".upload")
    assert with_file.exit_code == 0


def test_results_of_several_executions_are_merged_and_nothing_of_them_is_lost(
    tmp_path: Path,
) -> None:
    for index, output in ((0, "a\n"), (1, "b\n"), (10, "c\n")):
        folder = tmp_path / str(index)
        (folder / "outputs").mkdir(parents=True)
        (folder / "stdout").write_text(output)
        (folder / "stderr").write_text("")
        (folder / "exitCode").write_text(str(index))
        (folder / "outputs/same.csv").write_text(output)
        (folder / f"outputs/{index}.csv").write_text(output)
    merge({index: tmp_path / str(index) for index in (10, 0, 1)}, tmp_path / "job")
    found = {
        str(path.relative_to(tmp_path / "job")): path.read_text()
        for path in (tmp_path / "job").rglob("*")
        if path.is_file()
    }
    assert found == {
        "stdout": "a\nb\nc\n",
        "stderr": "",
        "exitCode": "0\n1\n10\n",
        "outputs/0.csv": "a\n",
        "outputs/1.csv": "b\n",
        "outputs/10.csv": "c\n",
        "outputs/same.csv": "a\n",
        "outputs/same.1.csv": "b\n",
        "outputs/same.10.csv": "c\n",
    }
