"""The tasks that a task makes: what the worker gives it, and takes of what it writes."""

import tarfile
from pathlib import Path

import pytest

from conveyor.extensions.runtimes import Outcome, RuntimeRejected
from services.worker.files.execution import TaskFiles
from services.worker.files.spawned import parse_spawned
from shared.definition import SPAWN_DIR, SPAWN_DIRECTORIES, Spawning
from shared.files.directory.store import DirectoryStore
from shared.messages import Spawned
from tests.support.files.filed import FakeExecution, Filed
from tests.support.files.services import file_services
from tests.support.files.tars import file_info, made_tar, tar_info

SPAWNING = Spawning(sequence=2, index=7, parameters='{"n":1}')
FOLDER = tar_info("spawn/", tarfile.DIRTYPE)


def leaving(tmp_path: Path, text: bytes | None, result: str = "", **spawning: bool) -> Filed:
    files = [] if text is None else [file_info("spawn/tasks.jsonl", text)]
    inner = FakeExecution(Outcome(0, result), left={SPAWN_DIR: made_tar(FOLDER, *files)})
    told = Spawning(**{**vars(SPAWNING), **spawning})
    services = file_services(tmp_path, DirectoryStore(tmp_path / "store"))
    return Filed(services, TaskFiles(spawning=told), inner, directories=SPAWN_DIRECTORIES)


async def test_a_task_finds_its_parameters_and_the_tasks_it_makes_are_taken(tmp_path: Path) -> None:
    task = leaving(tmp_path, b'{"parameters": {"n": 2}, "name": "two"}\n\n{"sequence": 2}')
    await task.run()
    assert task.inner.brought == {SPAWN_DIR: {"parameters.json": b'{"n":1}'}}
    assert task.execution.spawned == [
        Spawned(sequence=3, parameters='{"n":2}', name="two"),
        Spawned(sequence=2),
    ]


async def test_a_task_that_writes_nothing_makes_none(tmp_path: Path) -> None:
    task = leaving(tmp_path, None)
    await task.run()
    assert task.execution.spawned == []


async def test_a_task_that_failed_makes_none(tmp_path: Path) -> None:
    task = leaving(tmp_path, b"{}")
    task.inner.outcome = Outcome(1, "")
    await task.run()
    assert task.execution.spawned == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"{}\n\nnothing", "line 3: must be JSON"),
        (b"[]", "line 1: must be an object"),
        (b'{"seq": 1}', "line 1: 'seq' is none of sequence, parameters, name"),
        (b'{"sequence": "3"}', "line 1: sequence must be a whole number"),
        (
            b'{}\n{"sequence": 1}',
            "line 2: sequence must be at least 2, that of the task itself, and at most 2147483647",
        ),
        (b'{"name": 1}', "line 1: name must be a text of at most 256 characters"),
        (b"{}\n" * 10_001, "line 10001: one task makes at most 10,000"),
    ],
)
def test_a_bad_line_is_named_with_its_rule(text: bytes, error: str) -> None:
    with pytest.raises(RuntimeRejected) as refused:
        parse_spawned(text, SPAWNING)
    assert str(refused.value) == f"bad_spawn: $TORK_SPAWN, {error}"


async def test_where_success_is_explicit_no_result_is_a_failure(tmp_path: Path) -> None:
    task = leaving(tmp_path, b"{}", explicit_success=True)
    with pytest.raises(RuntimeRejected, match="no_result"):
        await task.run()
    await leaving(tmp_path, b"{}", "done", explicit_success=True).run()
