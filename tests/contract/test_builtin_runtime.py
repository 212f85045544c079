"""What every runtime promises, of the programs that come with the worker."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Builtin, Place
from services.worker.runtimes.builtin.environment import ROOT, START
from services.worker.runtimes.builtin.programs.task import DESCRIPTION
from shared.jobspec.partition.builtins import builtin, complete_params
from tests.support.engines.carried import carried
from tests.support.engines.execution_driver import Rig, aux, rig_of
from tests.support.files.tars import files_in, joined, tar_of_files

pytestmark = pytest.mark.real
LARGE_BYTES = 200 * 1024 * 1024
MEMORY_BYTES = 20 * 1024 * 1024


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    root = tmp_path / "tasks"
    root.mkdir()
    settings = {"shell_workdir_root": str(root), "shell_progress_seconds": 0.05}
    async with rig_of("shell", **settings) as rig:
        yield rig
    assert not list(root.iterdir())


def lines(**params: Any) -> Builtin:
    return builtin("partition", "lines", params)


async def test_a_program_gets_its_source_and_leaves_chunks_and_a_log(rig: Rig) -> None:
    brought = {"/in/source": tar_of_files({"a.txt": b"1\n2\n3\n"})}
    log, [made] = await carried(
        rig,
        brought,
        ["/in/chunks"],
        builtin=lines(linesPerChunk=2),
        places=(Place(target="/in/source", read_only=True),),
        directories={"SOURCE_DIR": "/in/source", "CHUNKS_DIR": "/in/chunks"},
    )
    assert log == "split 3 lines into 2 chunks\n"
    files = {name.rpartition("/")[2]: data for name, data in made.items() if data != b"/"}
    assert files == {"data_0.bin": b"1\n2\n", "data_1.bin": b"3\n"}


async def test_the_same_source_in_many_chunks_is_kept_once(rig: Rig) -> None:
    task = rig.task(
        builtin=builtin("partition", "replicate", {"count": 3}),
        files={"source/a": "content" * 10_000},
    )
    assert (await (await task.begin())).is_success
    async with task.execution.take("chunks") as archive:
        tar = await joined(archive)
    await task.execution.close()
    kept = {name: data for name, data in files_in(tar).items() if data != b"/"}
    assert set(kept.values()) == {b"content" * 10_000}
    assert len(kept) == 3
    assert len(tar) < 100_000


async def test_a_program_that_fails_says_why_as_its_reason(rig: Rig) -> None:
    many = {"source/a": "1", "source/b": "2"}
    outcome, ran = await rig.run(builtin=builtin("partition", "passthrough"), files=many)
    assert outcome.exit_code == 1
    assert outcome.reason == ran.text.strip()
    assert outcome.reason.startswith("the source has 2 files, and a chunk is one")


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({"builtin": lines()}, "builtin: lines: exactly one of linesPerChunk and chunks"),
        ({"builtin": Builtin(name="cat")}, "builtin 'cat': there is no such program"),
        ({"image": "busybox"}, "builtin: a task with a built-in can't have image"),
        ({"run": "echo"}, "builtin: a task with a built-in can't have run"),
        ({"pre": (aux("pre 1", run="true"),)}, "builtin: a task with a built-in can't have pre"),
        ({"directories": {"CHUNKS_DIR": "/../up"}}, "'../up' must be a relative path"),
    ],
)
async def test_what_a_program_can_not_have_is_rejected(
    rig: Rig, spec: dict[str, Any], error: str
) -> None:
    with pytest.raises(RuntimeRejected, match=error):
        await rig.run(**{"builtin": lines(linesPerChunk=1), **spec})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "params", "content"),
    [
        ("partition.lines", {"linesPerChunk": 100_000}, b"0123456789" * 9 + b"\n"),
        (
            "partition.csvRows",
            {"rowsPerChunk": 1, "header": False},
            b'1,"two" two,' + b"long " * 200,
        ),
        (
            "partition.jsonArray",
            {"itemsPerChunk": 100_000},
            b'{"a": [1, "]\\"' + b"x" * 9000 + b'"]},',
        ),
        ("assemble.zip", {"stored": True}, bytes(1024)),
        ("assemble.jsonMerge", {}, b'["' + b"0123456789" * 900 + b'"],'),
    ],
)
def test_memory_does_not_grow_with_what_passes_through(
    tmp_path: Path, name: str, params: dict[str, Any], content: bytes
) -> None:
    """What it may have at most would hold a tenth of its input."""
    paths = {each: tmp_path / each for each in ("source", "chunks", "results", "output")}
    into = paths["results"] / "0" if name.startswith("assemble") else paths["source"]
    for each in (into, paths["output"]):
        each.mkdir(parents=True)
    is_json = "json" in name
    write(into / "large", content, b"[" if is_json else b"", b"1]" if is_json else b"")
    shown = {each: str(path) for each, path in paths.items()}
    told = {"name": name, "params": complete_params(name, params), "paths": shown}
    (tmp_path / DESCRIPTION).write_text(json.dumps(told))
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_DATA, ({MEMORY_BYTES},) * 2); "
    argv = [sys.executable, "-I", "-S", "-c", limit + START, ROOT, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def write(path: Path, content: bytes, head: bytes, tail: bytes) -> None:
    block = content * (1024 * 1024 // len(content))
    with path.open("wb") as file:
        file.write(head)
        while file.tell() < LARGE_BYTES:
            file.write(block)
        file.write(tail)
