"""What sources become: what a task finds, and what its log and its error say."""

import asyncio
import base64
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from conveyor.extensions.files import FileStore, ObjectRefused
from conveyor.extensions.runtimes import RuntimeRejected, TransferStopped
from conveyor.extensions.tasks import Place
from services.worker.files import items
from services.worker.files.execution import TaskFiles
from services.worker.files.services import FileServices
from shared.definition import (
    Execution,
    Partition,
    S3Object,
    Source,
    TakenArtifact,
    TakenChild,
)
from shared.files import archives
from shared.files.directory.store import DirectoryStore
from tests.support.files.filed import FakeExecution, Filed
from tests.support.files.kubo import kubo_server
from tests.support.files.services import file_services
from tests.support.files.site import Site, served_site
from tests.support.files.stores import put, sha256_of
from tests.support.files.tars import file_info, in_chunks, made_tar, tar_info, tar_of_files

TREE = {"a": b"1", "d/e": b"22", "d/f": b"333"}


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def services(tmp_path: Path, store: DirectoryStore) -> FileServices:
    return file_services(tmp_path, store, allowed_networks="127.0.0.0/8")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with served_site() as site:
        yield site


async def taken_file(store: FileStore, data: bytes, name: str = "x.txt") -> TakenArtifact:
    await put(store, f"o/{name}", data)
    return TakenArtifact(object=f"o/{name}", file_name=name, size=len(data), sha256=sha256_of(data))


async def taken_tree(store: FileStore, data: bytes, name: str = "tree") -> TakenArtifact:
    with archives.ArchiveIndex() as index:
        members = archives.Checked(archives.read_tar(in_chunks(data)))
        archive = await store.put(name, archives.write_tar(members, index.add))
        lines = index.chunks(archive.size, archive.sha256)
        noted = await store.put(archives.index_name(name), lines)
    return TakenArtifact(
        object=name, file_name=name, size=archive.size, sha256=noted.sha256, files=index.files
    )


def inside(taken: TakenArtifact, path: str) -> TakenArtifact:
    fields = {**taken.__dict__, "path": path}
    return TakenArtifact(**fields)


async def brought(
    services: FileServices, execution: Execution | None = None, **source: Any
) -> Filed:
    sources = (Source(**{"target": "in", **source}),)
    filed = Filed(services, TaskFiles(sources=sources, placed=execution))
    await filed.run()
    return filed


async def test_an_artifact_is_brought_whole_or_a_part_of_it(
    store: DirectoryStore, services: FileServices
) -> None:
    file, tree = await taken_file(store, b"data"), await taken_tree(store, tar_of_files(TREE))

    cases: dict[str, tuple[TakenArtifact, bool, dict[str, bytes]]] = {
        "t.file": (file, False, {"file": b"data"}),
        "t.tree": (tree, True, TREE),
        "t.tree/d": (inside(tree, "d"), True, {"e": b"22", "f": b"333"}),
        "t.tree/d/e": (inside(tree, "d/e"), False, {"file": b"22"}),
    }
    for artifact, (taken, is_directory, expected) in cases.items():
        filed = await brought(services, artifact=artifact, taken=taken)
        assert filed.only == expected
        assert filed.inner.places == (Place(target="in", is_directory=is_directory),)
        assert filed.inner.asked == ["prepare", "bring in", "start", "close"]


async def test_a_file_whose_target_is_a_directory_keeps_its_name(
    store: DirectoryStore, services: FileServices
) -> None:
    taken = await taken_file(store, b"data", "x.txt")
    tree = await taken_tree(store, tar_of_files(TREE))
    sources = (
        Source(target="/in/", upload="u", taken=taken),
        Source(target="/in/", artifact="t.tree/d/e", taken=inside(tree, "d/e")),
        Source(target="/in/tree/", artifact="t.tree", taken=tree, read_only=True),
    )
    filed = Filed(services, TaskFiles(sources=sources))
    await filed.run()

    assert filed.inner.places == (
        Place(target="/in/x.txt", is_directory=False),
        Place(target="/in/e", is_directory=False),
        Place(target="/in/tree", is_directory=True, read_only=True),
    )
    with pytest.raises(RuntimeRejected, match=r"source 1 \(inline\): target 'in/' must name"):
        await brought(services, inline="text", target="in/")


async def test_children_are_one_directory_by_index_with_a_manifest(
    store: DirectoryStore, services: FileServices
) -> None:
    tree = await taken_tree(store, tar_of_files({"b": b"2"}))
    children = [
        TakenChild(index=2, task_id="t2", state="COMPLETED", exit_code=0, artifact=tree),
        TakenChild(index=1, task_id="t1", state="FAILED", exit_code=3, attempt=2, error="broken"),
    ]
    for index in (0, *range(3, 12)):
        file = await taken_file(store, b"%d" % index, f"{index}.txt")
        children.append(TakenChild(index=index, task_id="t", state="COMPLETED", artifact=file))

    filed = await brought(services, artifact="each.out", children=tuple(children))

    found = dict(filed.only)
    manifest = json.loads(found.pop("manifest.json"))
    assert found == {
        **{f"{index:02}": b"/" for index in (0, *range(2, 12))},
        **{f"{index:02}/{index}.txt": b"%d" % index for index in (0, *range(3, 12))},
        "02/b": b"2",
    }
    assert [child["index"] for child in manifest] == list(range(12))
    failed = {"state": "FAILED", "exitCode": 3, "attempt": 2, "error": "broken"}
    assert manifest[1] == {"index": 1, "task": "t1", **failed, "files": []}
    assert manifest[2]["files"] == [{"name": "b", "size": 1, "sha256": sha256_of(b"2")}]


async def test_children_in_one_directory_keep_their_names_unless_two_have_the_same(
    store: DirectoryStore, services: FileServices
) -> None:
    trees = [{"a": b"0", "d/e": b"0"}, {"b": b"1", "d/e": b"1"}, {"a": b"2", "manifest.json": b"2"}]
    children = [
        TakenChild(
            index=index,
            task_id=f"t{index}",
            state="COMPLETED",
            artifact=await taken_tree(store, tar_of_files(tree), f"tree{index}"),
        )
        for index, tree in enumerate(trees)
    ]

    filed = await brought(services, artifact="e.out", children=tuple(children), is_flat=True)

    found = dict(filed.only)
    manifest = json.loads(found.pop("manifest.json"))
    files = {path: data for path, data in found.items() if data != b"/"}
    assert files == {
        "a": b"0",
        "d/e": b"0",
        "b": b"1",
        "d/1_e": b"1",
        "2_a": b"2",
        "2_manifest.json": b"2",
    }
    names = [[file["name"] for file in child["files"]] for child in manifest]
    assert names == [["a", "d/e"], ["b", "d/1_e"], ["2_a", "2_manifest.json"]]
    assert "d/e is there already: it is d/1_e" in filed.log


async def test_a_chunk_is_brought_with_what_is_said_of_it(
    store: DirectoryStore, services: FileServices
) -> None:
    names = {"data_0.bin": b"0", "data_1.bin": b"1", "chunk_1.json": b"{}"}
    taken = await taken_tree(store, tar_of_files(names))
    found = [
        (await brought(services, artifact="p.chunks", taken=taken, chunk=chunk)).only
        for chunk in (0, 1)
    ]
    assert found == [{"data.bin": b"0"}, {"data.bin": b"1", "chunk.json": b"{}"}]


async def test_inline_data_is_text_or_a_data_url(services: FileServices) -> None:
    encoded = base64.b64encode(b"\x00\xff").decode()
    cases = {
        "a%20b\n": b"a%20b\n",
        "ünï": "ünï".encode(),
        "": b"",
        "data:,a%20b": b"a b",
        f"data:;base64,{encoded}": b"\x00\xff",
    }
    for text, expected in cases.items():
        assert (await brought(services, inline=text)).only == {"file": expected}


async def test_a_url_is_asked_each_time_and_fetched_once(
    site: Site, services: FileServices
) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        # As links that are signed for GET alone
        assert request.method == "GET"
        assert request.headers["X-Key"] == "hush"
        return web.Response(body=b"page", headers={"ETag": '"1"'})

    url = site.serve("/dir/x.csv", page)
    for _ in range(2):
        filed = await brought(
            services, url=f"{url}?token=hush", headers={"X-Key": "hush"}, target="in/"
        )
        assert filed.only == {"file": b"page"}
        assert filed.inner.places[0].target == "in/x.csv"
        assert "hush" not in filed.log
    assert len(site.requests) == 3
    assert f"[conveyor] source 1 ({url}): nothing had to be fetched\n" in filed.log


async def test_what_may_have_changed_is_fetched_again(site: Site, services: FileServices) -> None:
    answers = iter([b"1", b"1", b"2", b"2"])

    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(body=next(answers))

    url = site.serve("/x", page)
    assert (await brought(services, url=url)).only == {"file": b"1"}
    assert (await brought(services, url=url)).only == {"file": b"2"}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DirectoryStore:
    bucket = DirectoryStore(tmp_path / "bucket")
    monkeypatch.setattr(items, "S3Store", lambda _: bucket)
    return bucket


async def test_a_key_is_one_object_or_all_below_or_all_that_begin_so(
    bucket: DirectoryStore, services: FileServices
) -> None:
    for key in ("data/a.csv", "data/d/b.csv", "data/c.txt", "database"):
        await put(bucket, key, key.encode())

    cases: dict[tuple[str, str], dict[str, str]] = {
        ("data/a.csv", ""): {"file": "data/a.csv"},
        ("data/", ""): {"a.csv": "data/a.csv", "d/b.csv": "data/d/b.csv", "c.txt": "data/c.txt"},
        ("data/", r"\.csv$"): {"a.csv": "data/a.csv", "d/b.csv": "data/d/b.csv"},
        ("data/d*", ""): {"d/b.csv": "data/d/b.csv"},
        ("datab*", ""): {"database": "database"},
    }
    for (key, filter), expected in cases.items():
        filed = await brought(services, s3=S3Object(bucket="b", key=key, filter=filter))
        assert filed.only == {path: text.encode() for path, text in expected.items()}
    for key, filter, reason in (
        ("none/", "", "no object has a key that starts with 'none/'"),
        ("data/", "zz", "that starts with 'data/' and match 'zz'"),
        ("data/", "(", r"filter '\(': bad pattern"),
        ("none", "", "'none' does not exist"),
    ):
        place = S3Object(bucket="b", key=key, filter=filter)
        with pytest.raises(RuntimeRejected, match=rf"source 1 \(s3://b/{key}\): .*{reason}"):
            await brought(services, s3=place)


async def test_an_execution_gets_its_own_part_of_many_objects_and_perhaps_none(
    bucket: DirectoryStore, services: FileServices
) -> None:
    keys = [f"data/{n}.csv" for n in range(5)]
    for key in keys:
        await put(bucket, key, key.encode())
    place = S3Object(bucket="b", key="data/", partition=Partition(type="object"))
    found = list[bytes]()
    parts = list[int]()
    for index in range(8):
        execution = Execution(type="batch", index=index, count=8)
        filed = await brought(services, execution=execution, s3=place)
        parts.append(len(filed.only))
        found += filed.only.values()
    assert sorted(found) == [key.encode() for key in keys]
    assert 0 in parts


async def test_what_one_login_has_fetched_is_not_given_to_another(
    bucket: DirectoryStore, services: FileServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(name: str, *_: object, **__: object) -> None:
        raise ObjectRefused(f"{name!r} may not be read")

    await put(bucket, "data/a", b"a")
    await brought(services, s3=S3Object(bucket="b", key="data/", access_key="may read"))
    monkeypatch.setattr(bucket, "get", refuses)
    with pytest.raises(RuntimeRejected, match="'data/a' may not be read"):
        await brought(services, s3=S3Object(bucket="b", key="data/", access_key="may list"))


async def test_ipfs_gives_a_file_or_a_directory(tmp_path: Path, store: DirectoryStore) -> None:
    async with kubo_server() as (kubo, port):
        services = file_services(tmp_path, store, ipfs_url=f"http://127.0.0.1:{port}")
        cid = kubo.add(b"data")
        tree = kubo.add_tree({"a": b"1", "d/b": b"2"})
        assert (await brought(services, ipfs=cid)).only == {"file": b"data"}
        assert (await brought(services, ipfs=tree)).only == {"a": b"1", "d/b": b"2"}
        assert (await brought(services, ipfs=f"{tree}/d/b")).only == {"file": b"2"}


async def test_archives_are_unpacked(
    store: DirectoryStore, services: FileServices, site: Site, tmp_path: Path
) -> None:
    data = tar_of_files(TREE)
    taken = await taken_file(store, data, "x.tar")

    assert (await brought(services, upload="u", taken=taken, extract=True)).only == TREE
    inline = f"data:;base64,{base64.b64encode(data).decode()}"
    filed = await brought(services, inline=inline, extract=True)
    assert filed.only == TREE
    assert filed.inner.places[0].is_directory
    hostile = made_tar(tar_info("a", tarfile.SYMTYPE, "/etc"), file_info("a/passwd", b"x"))
    taken = await taken_file(store, hostile, "y.tar")
    with pytest.raises(RuntimeRejected, match=r"source 1 \(upload u\): the link 'a' to '/etc'"):
        await brought(services, upload="u", taken=taken, extract=True)


async def test_local_paths_are_bound_as_far_as_they_are_allowed(
    tmp_path: Path, store: DirectoryStore
) -> None:
    (tmp_path / "data/d").mkdir(parents=True)
    (tmp_path / "data/x.tar").write_bytes(tar_of_files(TREE))
    data = f"{tmp_path}/data"
    services = file_services(tmp_path, store, local_paths=f"{data},{data}/d:rw")

    for source, place in (
        (Source(local=f"{data}/d", target="in"), Place(target="in", bind=f"{data}/d")),
        (Source(local=data, target="in"), Place(target="in", bind=data, read_only=True)),
        (
            Source(local=f"{data}/x.tar", target="in/"),
            Place(target="in/x.tar", is_directory=False, bind=f"{data}/x.tar", read_only=True),
        ),
        (
            Source(local=f"{data}/d", target="in", read_only=True),
            Place(target="in", bind=f"{data}/d", read_only=True),
        ),
    ):
        filed = Filed(services, TaskFiles(sources=(source,)))
        await filed.run()
        assert filed.inner.places == (place,)
        assert filed.inner.brought == {}
    assert (await brought(services, local=f"{data}/x.tar", extract=True)).only == TREE
    for path, reason in (
        (f"{data}/none", "does not exist"),
        ("/etc", "is in none of the worker's CONVEYOR_FILES_LOCAL_PATHS"),
    ):
        with pytest.raises(RuntimeRejected, match=rf"source 1 \({path}\): '{path}' {reason}"):
            await brought(services, local=path)


async def test_an_error_names_the_source_and_the_reason(
    store: DirectoryStore, services: FileServices, site: Site
) -> None:
    missing = TakenArtifact(object="o", file_name="f", size=1, sha256="0" * 64)
    tree = await taken_tree(store, tar_of_files(TREE))

    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"page")

    url = site.serve("/x", page)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"artifact": "t.x", "taken": missing}, r"source 2 \(artifact t.x\): 'o' does not exist"),
        (
            {"artifact": "t.x/y", "taken": inside(tree, "y")},
            r"source 2 \(artifact t.x/y\): 'y' does not exist",
        ),
        ({"url": url, "sha256": "0" * 64}, "source 2 .* has the SHA-256 .*, expected 0000"),
        (
            {"url": "http://10.1.1.1/x"},
            "source 2 .*10.1.1.1 is not allowed: its network",
        ),
        ({"ipfs": "Qm"}, r"source 2 \(ipfs://Qm\): this worker has no IPFS"),
        ({"inline": "data:;base64,???"}, r"source 2 \(inline\): .* not valid base64"),
        (
            {"s3": S3Object(bucket="b", key="k", credentials="other")},
            r"source 2 \(s3://b/k\): credentials: this worker has no credentials named 'other'",
        ),
    ]
    for source, reason in cases:
        sources = (Source(target="a", inline="x"), Source(**{"target": "in", **source}))
        filed = Filed(services, TaskFiles(sources=sources))
        with pytest.raises(RuntimeRejected, match=reason):
            await filed.run()
        assert "start" not in filed.inner.asked


@pytest.mark.parametrize("how", ["stop", "terminate"])
async def test_what_stops_a_task_ends_its_transfers_at_once(
    site: Site, services: FileServices, tmp_path: Path, how: str
) -> None:
    # Given a source that sends a part, and then nothing more
    asked = list[web.Request]()
    is_sent = asyncio.Event()

    async def page(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        response = web.StreamResponse(headers={"Content-Length": "100", "ETag": '"1"'})
        await response.prepare(request)
        await response.write(b"part")
        if len(asked) > 1:
            is_sent.set()
            await asyncio.Event().wait()
        return response

    source = Source(target="in", url=site.serve("/x", page))
    filed = Filed(services, TaskFiles(sources=(source,)), FakeExecution(outcome=None))
    running = asyncio.create_task(filed.run())
    await is_sent.wait()

    await getattr(filed.execution, how)()

    with pytest.raises(TransferStopped):
        await asyncio.wait_for(running, 5)
    assert "start" not in filed.inner.asked
    assert list((tmp_path / "cache").glob("*/*")) == []
