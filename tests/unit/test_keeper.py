"""The state directory: what a worker has left can be told from what one holds."""

import contextlib
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import pytest

from services.worker.kept import keeper
from services.worker.kept.keeper import Keeper, open_keeper
from services.worker.kept.record import KeptExecution
from services.worker.watchdog.kept_files import owner_of
from shared.messages import LogPart, RunTask

ORDER = RunTask(job_id="j", task_id="t", dispatch=2, queue="q", definition={"run": "x"})
LIVES_ON = """
import sys
from services.worker.kept.keeper import Keeper
Keeper(*sys.argv[1:])
print("locked", flush=True)
sys.stdin.read()
"""


def left_in(
    directory: Path, owner: str, worker: str = "machine", engine: str = "unix:///a"
) -> KeptExecution:
    kept = KeptExecution(str(directory), worker, engine, owner, ORDER)
    kept.began()
    return kept


def part() -> LogPart:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return LogPart(job_id="j", task_id="t", number=3, contents="x", created_at=at)


def test_what_a_dead_worker_of_that_name_and_engine_has_left_is_found(tmp_path: Path) -> None:
    ours = Keeper(str(tmp_path), "machine", "unix:///a", "new")
    left = left_in(tmp_path, "old")
    left.passed("moment 1")
    left.logged([part()], 3)
    [found] = ours.left()
    assert (found.left_by, found.owner, found.order) == ("old", "new", ORDER)
    assert (found.since, found.log_number, found.log_parts) == ("moment 1", 3, [part()])
    assert found.seconds_run >= 0
    # Whose it is changes when the new one has begun with it, and not before
    assert owner_of(str(tmp_path), left.key) == "old"
    found.began()
    assert (owner_of(str(tmp_path), left.key), list(ours.left())) == ("new", [])
    # From then on the old one has nothing to end
    left.ended()
    assert owner_of(str(tmp_path), left.key) == "new"
    found.ended()
    assert owner_of(str(tmp_path), left.key) is None


def test_nothing_is_found_of_other_names_and_engines_nor_of_a_worker_that_lives(
    tmp_path: Path,
) -> None:
    ours = Keeper(str(tmp_path), "machine", "unix:///a", "new")
    for changed in ({"worker": "other"}, {"engine": "unix:///b"}):
        left_in(tmp_path, "old", **changed)
        assert list(ours.left()) == []
    (tmp_path / "broken.1.json").write_text("{}")
    assert list(ours.left()) == []
    left_in(tmp_path, "lives")
    arguments = [str(tmp_path), "machine", "unix:///a", "lives"]
    command = [sys.executable, "-c", LIVES_ON, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        assert list(ours.left()) == []
        other.kill()
    assert [each.left_by for each in ours.left()] == ["lives"]
    # A worker that starts removes the locks of those that are gone
    Keeper(str(tmp_path), "machine", "unix:///a", "third")
    locks = {path.name for path in tmp_path.glob("*.lock")}
    assert locks == {"new.lock", "third.lock"}


def test_nothing_is_found_that_another_user_may_have_written(tmp_path: Path) -> None:
    """The directory may have been open to others before it was this worker's."""
    ours = Keeper(str(tmp_path / "state"), "machine", "unix:///a", "new")
    file, elsewhere = tmp_path / "state" / "t.2.json", tmp_path / "elsewhere.json"

    def linked(make: Callable[[Path], None]) -> None:
        file.rename(elsewhere)
        make(file)

    for tamper in (
        lambda: file.chmod(0o666),
        lambda: os.chown(file, 12345, -1),
        lambda: linked(lambda made: made.symlink_to(elsewhere)),
        lambda: linked(lambda made: made.hardlink_to(elsewhere)),
        lambda: linked(os.mkfifo),
        lambda: file.rename(file.with_name("other.7.json")),
        lambda: file.write_text("[" * 100_000),
    ):
        left_in(tmp_path / "state", "old")
        assert len(list(ours.left())) == 1
        with contextlib.suppress(PermissionError):  # only root gives files away
            tamper()
            assert list(ours.left()) == []
        ours = Keeper(str(tmp_path / "state"), "machine", "unix:///a", f"next-{id(tamper)}")
        for path in tmp_path.rglob("*.json"):
            path.unlink()


def test_a_full_disk_leaves_the_record_before_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Keeper(str(tmp_path), "machine", "unix:///a", "new")
    left = left_in(tmp_path, "old")

    def full(content: object, file: TextIO) -> None:
        file.write("{")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(json, "dump", full)
    left.logged([part()], 3)
    assert [each.log_number for each in ours.left()] == [0]
    assert [path.name for path in tmp_path.glob("t.*")] == ["t.2.json"]


def test_nothing_is_kept_where_the_directory_is_not_the_workers_or_its_watchdog_dies_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    for place in ("file", "link", "file/below"):
        assert open_keeper(str(tmp_path / place), "machine", "e", "n") is None
    assert open_keeper(str(tmp_path / "made"), "machine", "e", "n") is not None
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert open_keeper(str(tmp_path / "made"), "machine", "e", "other") is None


def test_the_usual_directory_is_one_that_outlives_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getppid", lambda: 17)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert keeper.usual_directory() == f"{tmp_path}/conveyor-worker"
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "missing"))
    assert keeper.usual_directory() == f"{tmp_path}/conveyor-worker"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert str(keeper.usual_directory()).endswith(f"/conveyor-worker-{os.getuid()}")
    # In a container that ends with it nothing does
    monkeypatch.setattr(os, "getppid", lambda: 1)
    monkeypatch.setattr(os.path, "exists", lambda path: path == "/.dockerenv")
    assert keeper.usual_directory() is None
