"""What a worker keeps and publishes as one: a bundle of all that a task leaves, an archive."""

import gzip
import tarfile
from pathlib import Path

import pytest

from conveyor.extensions.runtimes import Outcome
from services.worker.files import publishing
from services.worker.files.execution import TaskFiles
from services.worker.files.services import FileServices
from shared.definition import Artifact, Publication, S3Object
from shared.files.directory.store import DirectoryStore
from shared.process.redaction import REDACTED, Redactor
from tests.support.files.filed import FakeExecution, Filed
from tests.support.files.services import file_services
from tests.support.files.stores import names_in, read
from tests.support.files.tars import file_info, files_in, made_tar, tar_info

FILE = made_tar(file_info("x.bin", b"data", mode=0o750))
TREE = made_tar(
    tar_info("out/", tarfile.DIRTYPE),
    file_info("out/a", b"1", mode=0o755),
    file_info("out/d/b", b"22"),
    tar_info("out/link", tarfile.SYMTYPE, "a"),
)
LEFT = {"/x.bin": FILE, "out/": TREE}
FILE_OF = Artifact(name="file", path="/x.bin")
TREE_OF = Artifact(name="tree", path="out/")
NONE_OF = Artifact(name="none", path="/none")


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def services(tmp_path: Path, store: DirectoryStore) -> FileServices:
    return file_services(tmp_path, store)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("{jobID}/", ["j1/file.tar.gz", "j1/tree.tar.gz"]),
        ("out.tar.gz", ["out.tar.gz"]),
        ("out", ["out.tar.gz"]),
    ],
)
async def test_an_artifact_is_published_to_s3_as_one_archive(
    services: FileServices,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    key: str,
    expected: list[str],
) -> None:
    bucket = DirectoryStore(tmp_path / "bucket")
    monkeypatch.setattr(publishing, "S3Store", lambda _: bucket)
    artifact = None if key.endswith("/") else "tree"
    place = S3Object(bucket="b", key=key, encoding="gzip")
    publish = (Publication(artifact=artifact, s3=place),)
    files = TaskFiles(artifacts=(FILE_OF, TREE_OF), publish=publish)
    filed = Filed(services, files, FakeExecution(left=LEFT))
    await filed.run()
    assert sorted(await names_in(bucket)) == expected
    published = {url for kept in filed.execution.kept for url in kept.published}
    assert published == {f"s3://b/{name}" for name in expected}
    archives = [gzip.decompress(await read(bucket, name)) for name in expected]
    assert files_in(archives[-1]) == {"a": b"1", "d/b": b"22", "link": b"-> a"}
    assert len(archives) == 1 or files_in(archives[0]) == {"x.bin": b"data"}


BUNDLED = TaskFiles(
    artifacts=(TREE_OF, NONE_OF, FILE_OF), bundle="results", secrets=Redactor(["password"])
)


@pytest.mark.parametrize("exit_code", [0, 3])
async def test_a_bundle_has_output_exit_code_and_artifacts_however_the_task_ends(
    services: FileServices, store: DirectoryStore, exit_code: int
) -> None:
    inner = FakeExecution(Outcome(exit_code, ""), left=LEFT)
    filed = Filed(services, BUNDLED, inner)
    await filed.execution.prepare()
    assert [place.target for place in inner.places] == ["out/", "/none", "/x.bin"]
    assert inner.on_output is not None
    inner.on_output(1, b"said\n")
    inner.on_output(2, b"the pass")
    inner.on_output(2, b"word\n")
    await filed.execution.start()
    outcome = await filed.execution.wait()
    await filed.execution.close()
    assert outcome.exit_code == exit_code
    (kept,) = filed.execution.kept
    assert kept.name == "results"
    assert files_in(await read(store, kept.object)) == {
        "stdout": b"said\n",
        "stderr": f"the {REDACTED}\n".encode(),
        "exitCode": str(exit_code).encode(),
        "tree": b"/",
        "tree/a": b"1",
        "tree/d/b": b"22",
        "tree/link": b"-> a",
        "none": b"/",
        "file": b"data",
    }
    assert "none: path '/none': no such file" in filed.log
