"""Which paths of its machine a worker lets tasks have."""

import os
from pathlib import Path
from typing import Any

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Place
from services.worker.files.local_paths import LocalPaths
from services.worker.files.sources import place_of
from shared.definition import Source
from shared.files.directory.store import DirectoryStore
from shared.files.settings import parse_local_path
from tests.support.files.services import file_services


def allowed(*patterns: str) -> LocalPaths:
    return LocalPaths(tuple(map(parse_local_path, patterns)))


@pytest.mark.parametrize(
    ("pattern", "path", "is_allowed"),
    [
        ("/data", "/data", True),
        ("/data", "/data/a/b", True),
        ("/data/", "/data/a", True),
        ("/data", "/database", False),
        ("/data/*", "/data", False),
        ("/data/*", "/data/a/b", True),
        ("/data/*.csv", "/data/a.csv", True),
        ("/data/*.csv", "/data/a/b.csv", False),
        ("/data/**/x", "/data/a/b/x", True),
        ("/data/**/x", "/data/x", True),
        ("/data/**/x", "/data/ax", False),
        ("/data/**", "/data/a", True),
        ("/data/**", "/data", True),
        ("/d?ta/[ab]", "/dxta/b", True),
        ("/d?ta/[!ab]", "/dxta/b", False),
        ("/data", "/data/../etc/passwd", False),
        ("/", "/etc", True),
    ],
)
def test_a_pattern_allows_what_it_matches_and_what_lies_below(
    pattern: str, path: str, is_allowed: bool
) -> None:
    if is_allowed:
        assert allowed(pattern).readable(path) == path
    else:
        with pytest.raises(RuntimeRejected, match="is in none of the worker's CONVEYOR_FILES_LOCA"):
            allowed(pattern).readable(path)


def test_links_are_followed_on_both_sides(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    os.symlink("data", tmp_path / "link")
    os.symlink("/etc", tmp_path / "data/escape")

    assert allowed(f"{tmp_path}/link").readable(f"{tmp_path}/data") == f"{tmp_path}/data"
    assert allowed(f"{tmp_path}/data/*").readable(f"{tmp_path}/link/x") == f"{tmp_path}/data/x"
    with pytest.raises(RuntimeRejected):
        allowed(f"{tmp_path}/data").readable(f"{tmp_path}/data/escape/passwd")


def test_only_what_says_so_may_be_written() -> None:
    paths = allowed("/data:ro", "/data/out:rw")

    assert paths.writable("/data/out/x") == "/data/out/x"
    assert paths.readable("/data/x") == "/data/x"
    with pytest.raises(RuntimeRejected, match="'/data/x' may only be read"):
        paths.writable("/data/x")
    with pytest.raises(RuntimeRejected, match="must be absolute"):
        paths.readable("data/x")


async def test_a_task_that_writes_has_what_is_not_there_created_or_is_refused(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    (data / "rw").mkdir(parents=True)
    store = DirectoryStore(tmp_path / "store")
    services = file_services(tmp_path, store, local_paths=f"{data},{data}/rw:rw")

    async def placed(path: Path, **fields: Any) -> Place:
        return await place_of(Source(local=str(path), target="in", **fields), services)

    made = await placed(data / "rw/a/b", writes=True, create="directory")
    assert made == Place(target="in", bind=f"{data}/rw/a/b")
    made = await placed(data / "rw/c/d.txt", create="file", read_only=True)
    assert (made.is_directory, (data / "rw/c/d.txt").read_bytes()) == (False, b"")
    assert (await placed(data, create="directory", read_only=True)).read_only
    for path, fields, reason in (
        (data, {"writes": True}, "may only be read"),
        (data / "no", {"create": "directory"}, "may only be read"),
        (data / "rw/none", {"writes": True}, "does not exist"),
        (data / "rw/c/d.txt/e", {"create": "directory"}, "can't be created"),
    ):
        with pytest.raises(RuntimeRejected, match=reason):
            await placed(path, **fields)
