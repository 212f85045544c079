"""What a worker keeps of a task that has ended, and where it publishes it."""

import asyncio
import tarfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from conveyor.extensions.files import Stored, StoreUnavailable
from conveyor.extensions.runtimes import RESULT, Outcome, RuntimeRejected, TransferStopped
from services.worker.files import publishing, taking
from services.worker.files.execution import TaskFiles
from services.worker.files.services import FileServices
from shared.definition import Artifact, Publication, S3Object
from shared.files.directory.store import DirectoryStore
from shared.files.transfers import Patience, patiently
from shared.process.redaction import REDACTED, Redactor
from tests.support.files.filed import FakeExecution, Filed
from tests.support.files.kubo import kubo_server
from tests.support.files.services import file_services, no_files
from tests.support.files.stores import names_in, read, sha256_of
from tests.support.files.tars import file_info, files_in, made_tar, tar_info

OBJECTS = "j1/t1/0.2"
FILE = made_tar(file_info("x.bin", b"data", mode=0o750))
TREE = made_tar(
    tar_info("out/", tarfile.DIRTYPE),
    file_info("out/a", b"1", mode=0o755),
    file_info("out/d/b", b"22"),
    tar_info("out/link", tarfile.SYMTYPE, "a"),
    tar_info("out/bad", tarfile.SYMTYPE, "/etc"),
)
LEFT = {"/x.bin": FILE, "out/": TREE}
FILE_OF = Artifact(name="file", path="/x.bin")
TREE_OF = Artifact(name="tree", path="out/")
NONE_OF = Artifact(name="none", path="/none")
FAILURE = Outcome(3, "")


class Store(DirectoryStore):
    """May hang in a put, or fail in it some times."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.failures, self.hanging = 0, ""
        self.is_hanging = asyncio.Event()

    async def put(self, name: str, content: AsyncIterator[bytes], *, sha256: str = "") -> Stored:
        if self.failures:
            self.failures -= 1
            await anext(content)
            raise StoreUnavailable("the store is away")
        if name.endswith(self.hanging or "none"):
            content = self._hang(content)
        return await super().put(name, content, sha256=sha256)

    async def _hang(self, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        yield await anext(content)
        self.is_hanging.set()
        await asyncio.Event().wait()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def services(tmp_path: Path, store: Store) -> FileServices:
    return file_services(tmp_path, store)


def task(services: FileServices, *artifacts: Artifact, **fields: Any) -> Filed:
    outcome = fields.pop("outcome", Outcome(0, "a result"))
    inner = FakeExecution(outcome, dict(LEFT))
    return Filed(services, TaskFiles(artifacts=artifacts, **fields), inner)


def kept_by(filed: Filed) -> list[str]:
    return [kept.name for kept in filed.execution.kept]


async def test_files_and_directories_are_kept_in_the_store(
    store: Store, services: FileServices
) -> None:
    filed = task(services, FILE_OF, TREE_OF)

    assert (await filed.run()).output == "a result"

    file, tree = filed.execution.kept
    assert file.model_dump() == {
        "name": "file",
        "object": f"{OBJECTS}/file",
        "file_name": "x.bin",
        "size": 4,
        "sha256": sha256_of(b"data"),
        "files": None,
        "mode": 0o750,
        "published": [],
        "chunks": None,
    }
    assert await read(store, file.object) == b"data"
    archive = await read(store, tree.object, sha256=(await store.stat(tree.object)).sha256)
    assert files_in(archive) == {"a": b"1", "d/b": b"22", "link": b"-> a"}
    assert (tree.file_name, tree.size, tree.files) == ("out", len(archive), 2)
    assert tree.sha256 == (await store.stat(f"{tree.object}.index")).sha256
    assert "[conveyor] artifact file: 4 B kept\n" in filed.log
    assert "[conveyor] artifact tree: 3 B in 2 files kept\n" in filed.log
    assert "artifact tree: left out: the link 'bad' to '/etc' may lead out" in filed.log


async def test_the_working_directory_as_a_whole_has_the_name_of_its_artifact(
    services: FileServices,
) -> None:
    inner = FakeExecution(Outcome(0, ""), {".": TREE})
    filed = Filed(services, TaskFiles(artifacts=(Artifact(name="all", path="."),)), inner)
    await filed.run()
    assert [kept.file_name for kept in filed.execution.kept] == ["all"]


async def test_an_artifact_that_is_missing_fails_the_task_and_the_others_go(
    store: Store, services: FileServices
) -> None:
    always = Artifact(name="always", path="out/", always=True)
    filed = task(services, FILE_OF, NONE_OF, TREE_OF, always)

    with pytest.raises(RuntimeRejected, match=r"artifact none: path '/none': no such file or dir"):
        await filed.run()

    assert kept_by(filed) == ["always"]
    assert await names_in(store) == [f"{OBJECTS}/always", f"{OBJECTS}/always.index"]
    assert "take out/" in filed.inner.asked


async def test_of_a_task_that_failed_those_are_kept_that_say_always(
    store: Store, services: FileServices
) -> None:
    artifacts = [
        Artifact(name=name, path=path, always=True)
        for name, path in (("a", "/x.bin"), ("b", "/no"))
    ]
    filed = task(services, FILE_OF, *artifacts, outcome=FAILURE)

    assert await filed.run() == FAILURE

    assert kept_by(filed) == ["a"]
    assert await names_in(store) == [f"{OBJECTS}/a"]
    assert "[conveyor] artifact b: path '/no': no such file or directory\n" in filed.log


async def test_an_attempt_keeps_no_more_than_its_job_may(
    store: Store, services: FileServices
) -> None:
    await (filed := task(services, FILE_OF, left_bytes=4)).run()
    assert kept_by(filed) == ["file"]
    await store.delete(f"{OBJECTS}/file")

    filed = task(services, FILE_OF, TREE_OF, left_bytes=3000)
    with pytest.raises(
        RuntimeRejected, match=r"artifact tree: .* would keep more bytes of files than it may"
    ):
        await filed.run()
    assert await names_in(store) == []


async def test_a_result_that_is_too_large_is_kept_if_the_task_says_so(
    store: Store, services: FileServices
) -> None:
    filed = task(services, large_result="big", outcome=Outcome(0, "", large_result_bytes=4))
    filed.inner.left[RESULT] = made_tar(file_info("stdout", b"long"))

    output = (await filed.run()).output

    told = {"artifact": "big", "size": 4, "sha256": sha256_of(b"long")}
    assert orjson.loads(output) == told
    assert await read(store, f"{OBJECTS}/big") == b"long"


async def test_a_store_that_is_away_for_a_while_is_waited_for(
    store: Store, services: FileServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = partial(patiently, patience=Patience(tries=3, pause_seconds=0))
    monkeypatch.setattr(taking, "patiently", quick)
    store.failures = 2
    await (filed := task(services, FILE_OF, left_bytes=4)).run()
    assert kept_by(filed) == ["file"]

    store.failures = 3
    with pytest.raises(RuntimeRejected, match="artifact file: the store is away"):
        await task(services, FILE_OF).run()


async def test_without_a_store_nothing_is_kept(services: FileServices) -> None:
    with pytest.raises(RuntimeRejected, match="artifact file: there is no store of files"):
        await task(no_files(), FILE_OF).run()


@pytest.mark.parametrize("hanging", ["file", "tree", "tree.index"])
async def test_a_task_that_is_stopped_while_files_are_kept_leaves_nothing(
    store: Store, services: FileServices, tmp_path: Path, hanging: str
) -> None:
    store.hanging = hanging
    filed = task(services, TREE_OF, FILE_OF)
    running = asyncio.create_task(filed.run())
    await store.is_hanging.wait()

    await filed.execution.stop()

    with pytest.raises(TransferStopped):
        await asyncio.wait_for(running, 5)
    assert kept_by(filed) == []
    left = {path.name for path in (tmp_path / "store").rglob("*") if path.is_file()}
    assert left <= {"lock"}


async def test_a_task_that_was_asked_to_end_keeps_nothing(
    store: Store, services: FileServices
) -> None:
    filed = task(services, FILE_OF, outcome=None)
    running = asyncio.create_task(filed.run())
    while "start" not in filed.inner.asked:
        await asyncio.sleep(0)

    await filed.execution.terminate()

    await running
    assert kept_by(filed) == []
    assert await names_in(store) == []


KEYS = [
    ("results/{jobID}/{taskID}.bin", "file", ["results/j1/t1.bin"]),
    ("results/{nodeID}/", "file", ["results/n1/x.bin"]),
    ("r/{executionID}/{attempt}", "tree", ["r/t1.2/0/a", "r/t1.2/0/d/b"]),
    ("r", None, ["r/tree/a", "r/tree/d/b", "r/x.bin"]),
]


@pytest.mark.parametrize(("key", "artifact", "expected"), KEYS)
async def test_artifacts_are_published_to_s3_as_single_files(
    services: FileServices,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    artifact: str | None,
    expected: list[str],
) -> None:
    bucket = DirectoryStore(tmp_path / "bucket")
    monkeypatch.setattr(publishing, "S3Store", lambda _: bucket)
    publish = (Publication(artifact=artifact, s3=S3Object(bucket="b", key=key)),)

    await (filed := task(services, FILE_OF, TREE_OF, publish=publish)).run()

    assert await names_in(bucket) == expected
    urls = {kept.name: kept.published for kept in filed.execution.kept}
    if artifact == "file":
        assert urls == {"file": [f"s3://b/{expected[0]}"], "tree": []}


async def test_artifacts_are_published_to_ipfs(tmp_path: Path, store: Store) -> None:
    async with kubo_server() as (kubo, port):
        services = file_services(tmp_path, store, ipfs_url=f"http://127.0.0.1:{port}")
        filed = task(services, FILE_OF, TREE_OF, publish=(Publication(ipfs=True),))
        await filed.run()

        file, tree = (kept.published[0] for kept in filed.execution.kept)
        assert file == f"ipfs://{kubo.add(b'data')}"
        assert kubo.files_of(tree.removeprefix("ipfs://")) == {"a": b"1", "d/b": b"22"}


async def test_artifacts_are_published_to_an_allowed_directory(
    tmp_path: Path, store: Store
) -> None:
    target = tmp_path / "target"
    services = file_services(tmp_path, store, local_paths=f"{target}:rw")
    (target / "j1").mkdir(parents=True)
    left = target / "j1/.conveyor-partial-left"
    left.write_bytes(b"by a worker that was killed")
    publish = (
        Publication(artifact="tree", local=f"{target}/{{jobID}}/t"),
        Publication(artifact="file", local=f"{target}/{{jobID}}"),
    )

    await (filed := task(services, FILE_OF, TREE_OF, publish=publish)).run()

    files = sorted(path for path in target.rglob("*") if path.is_file())
    assert [str(path.relative_to(target)) for path in files] == ["j1/t/a", "j1/t/d/b", "j1/x.bin"]
    assert (target / "j1/t/a").stat().st_mode & 0o777 == 0o755
    assert (target / "j1/x.bin").stat().st_mode & 0o777 == 0o750
    assert "publish tree: left out: symbolic links, of which it has 1\n" in filed.log
    assert "publish file: left out" not in filed.log
    assert [kept.published for kept in filed.execution.kept] == [
        [f"file://{target}/j1/x.bin"],
        [f"file://{target}/j1/t"],
    ]
    stored = filed.execution.kept_without(Redactor(["x.bin"]))
    assert [(kept.file_name, kept.published[0]) for kept in stored] == [
        (REDACTED, f"file://{target}/j1/{REDACTED}"),
        ("out", f"file://{target}/j1/t"),
    ]


async def test_a_link_in_the_way_is_not_followed(tmp_path: Path, store: Store) -> None:
    target, outside = tmp_path / "target", tmp_path / "outside"
    for folder in (target, outside):
        folder.mkdir()
    (target / "d").symlink_to(outside)
    services = file_services(tmp_path, store, local_paths=f"{target}:rw")

    publish = (Publication(artifact="tree", local=str(target)),)
    with pytest.raises(RuntimeRejected, match=r"publish 1 \(artifact tree\): 'd/b' can't be writ"):
        await task(services, TREE_OF, publish=publish).run()
    assert list(outside.iterdir()) == []


async def test_what_cannot_be_published_fails_a_task_that_succeeded(
    store: Store, services: FileServices
) -> None:
    always = Artifact(name="always", path="/x.bin", always=True)
    publish = (Publication(local="/etc/{jobID}"),)

    filed = task(services, FILE_OF, always, publish=publish)
    with pytest.raises(RuntimeRejected, match=r"publish 1 .*'/etc/j1' is in none of the worker's"):
        await filed.run()
    assert kept_by(filed) == ["always"]
    filed = task(services, FILE_OF, always, publish=publish, outcome=FAILURE)
    assert await filed.run() == FAILURE
    assert kept_by(filed) == ["always"]
    filed = task(services, FILE_OF, publish=(Publication(local="/{jobId}"),))
    with pytest.raises(RuntimeRejected, match=r"\{jobId\} is not one of: jobID, taskID"):
        await filed.run()
