"""What a worker keeps as chunks, and what it refuses to."""

import tarfile
from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from services.worker.files.execution import TaskFiles
from services.worker.files.services import FileServices
from shared.definition import Artifact
from shared.files.directory.store import DirectoryStore
from tests.support.files.filed import FakeExecution, Filed
from tests.support.files.services import file_services
from tests.support.files.stores import names_in, read
from tests.support.files.tars import file_info, files_in, made_tar, tar_info

FOLDER = tar_info("chunks/", tarfile.DIRTYPE)
CHUNKS = Artifact(name="chunks", path="/out/chunks", chunks=True)


@pytest.fixture
def services(tmp_path: Path) -> FileServices:
    return file_services(tmp_path, DirectoryStore(tmp_path / "store"))


def leaving(services: FileServices, given: Mapping[str, bytes], listing: str = "") -> Filed:
    """A task that leaves these in its directory of chunks, and a listing."""
    files = {**given, **({"chunks.jsonl": listing.encode()} if listing else {})}
    left = {
        "/out/chunks": made_tar(FOLDER, *(file_info(f"chunks/{n}", d) for n, d in files.items()))
    }
    if listing:
        left["/out/chunks/chunks.jsonl"] = made_tar(file_info("chunks.jsonl", listing.encode()))
    return Filed(services, TaskFiles(artifacts=(CHUNKS,)), FakeExecution(left=left))


async def kept(services: FileServices, task: Filed) -> tuple[int | None, dict[str, bytes]]:
    await task.run()
    [artifact] = task.execution.kept
    return artifact.chunks, files_in(await read(services.store, artifact.object))


async def test_chunks_are_kept_and_counted(services: FileServices) -> None:
    files = {f"data_{n}.bin": str(n).encode() for n in range(11)} | {"data_3.bin": b""}
    assert await kept(services, leaving(services, files)) == (11, files)
    assert await kept(services, leaving(services, {})) == (0, {})


async def test_listed_chunks_get_the_usual_names_in_the_order_of_the_listing(
    services: FileServices,
) -> None:
    listing = (
        '{"path": "parts/b.mp4", "label": "Küste", "params": {"from": 1}, "weight": 2.5}\n\n'
        '{"path": "./a"}\n'
    )
    task = leaving(services, {"a": b"1", "parts/b.mp4": b"2"}, listing)
    count, files = await kept(services, task)
    assert (count, files["data_0.bin"], files["data_1.bin"]) == (2, b"2", b"1")
    described = {"label": "Küste", "params": {"from": 1}, "weight": 2.5}
    assert orjson.loads(files["chunk_0.json"]) == described
    assert set(files) == {"data_0.bin", "data_1.bin", "chunk_0.json"}


@pytest.mark.parametrize(
    ("given", "listing", "told"),
    [
        (["data_0.bin", "data_2.bin"], "", "'data_1.bin' is missing"),
        (["data_999999999.bin"], "", "'data_9.bin' and 999999989 more is missing"),
        (["data_0.bin", "data_01.bin", "a.txt"], "", "'a.txt', 'data_01.bin' must be data_0.bin,"),
        (["data_0.bin", "d/data_1.bin"], "", "'d/data_1.bin' must be data_0.bin,"),
        ([f"x{n:02}" for n in range(12)], "", "'x09' and 2 more must be"),
        (["a", "b"], '{"path": "a"}', "'b' is not in chunks.jsonl"),
        (["a"], '{"path": "a"}\n{"path": "b"}', "'b' is missing"),
        (["a"], '{"path": "a"}\n{"path": "a"}', "chunks.jsonl, line 2: path 'a' is there twice"),
        (["a"], '{"path": "../a"}', "chunks.jsonl, line 1: '../a' leads out of the directory"),
        (["a"], '{"path": "a", "size": 1}', "line 1: 'size' is none of path, params, weight, lab"),
        (["a"], '{"path": "a", "weight": "1"}', "line 1: weight must be a number"),
        (["a"], '{"path": "a", "label": 1}', "line 1: label must be a text"),
        (["a"], "a", "chunks.jsonl, line 1: "),
        (["a"], "[1]", "line 1: must be an object with the path of a chunk"),
    ],
)
async def test_what_are_no_chunks_fails_the_task_and_nothing_is_kept(
    services: FileServices, tmp_path: Path, given: list[str], listing: str, told: str
) -> None:
    task = leaving(services, dict.fromkeys(given, b"x"), listing)
    with pytest.raises(RuntimeRejected) as error:
        await task.run()
    assert str(error.value).startswith("bad_chunks: ")
    assert told in str(error.value)
    assert await names_in(services.store) == []


async def test_a_link_or_a_single_file_is_no_chunk(services: FileServices) -> None:
    link = tar_info("chunks/data_0.bin", tarfile.SYMTYPE, "x")
    for left, told in (
        (made_tar(FOLDER, link), "'data_0.bin' must be"),
        (made_tar(file_info("chunks", b"x")), "bad_chunks: '/out/chunks' is no directory"),
    ):
        inner = FakeExecution(left={"/out/chunks": left})
        with pytest.raises(RuntimeRejected, match=told):
            await Filed(services, TaskFiles(artifacts=(CHUNKS,)), inner).run()
