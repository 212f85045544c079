"""Files of shell tasks: the tree of a task leads to nothing of others."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Place
from tests.support.engines.carried import carried, succeeded, taken
from tests.support.engines.execution_driver import Rig, rig_of
from tests.support.files.tars import tar_of_files

_FIRST = 500_000 + 4 * (os.getpid() % 100_000)  # another test process has others
pytestmark = pytest.mark.usefixtures("as_root")
SECRET = b"of another"


@pytest.fixture
def root() -> Iterator[Path]:
    """A directory that others may enter: pytest keeps its own from other users."""
    with tempfile.TemporaryDirectory(prefix="conveyor-test-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture(params=["own user", "worker's user"])
async def rig(root: Path, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    (root / "tasks").mkdir()
    uids = {"shell_uids": f"{_FIRST}-{_FIRST + 3}"} if request.param == "own user" else {}
    async with rig_of("shell", shell_workdir_root=str(root / "tasks"), **uids) as rig:
        yield rig


@pytest.fixture
def secret(root: Path) -> Path:
    (root / "of-another").mkdir(mode=0o700)
    secret = root / "of-another" / "secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    return secret


async def test_what_is_brought_belongs_to_the_task(rig: Rig) -> None:
    text, _ = await carried(
        rig,
        {"data": tar_of_files({"a/b": b"x"}), "one": tar_of_files({"one": b"1"})},
        places=(Place(target="data", read_only=True), Place(target="one", is_directory=False)),
        run="stat -c %u data data/a data/a/b one | grep -vx $(id -u);"
        "stat -c %a data data/a data/a/b; echo 2 >> one; rm -f data/a/b 2>/dev/null; ls data/a",
    )
    assert text == "555\n555\n444\nb\n"


@pytest.mark.parametrize(
    ("make", "path"),
    [
        ("ln -s {secret} out", "out"),
        ("ln -s {folder} out", "out"),
        ("ln -s {folder} out", "out/secret"),
        ("ln -s ../../../of-another out", "out/secret"),
        ("mkdir a; ln -s ../.. a/up; ln -s a/up/../../of-another out", "out/secret"),
        ("true", "../../../of-another/secret"),
        ("true", "{secret}"),
        ("true", "/"),
        ("ln -s out out", "out"),
        ("rm -rf $PWD; ln -s {folder} $PWD", "secret"),
    ],
)
async def test_no_path_leads_to_what_is_others(
    rig: Rig, secret: Path, make: str, path: str
) -> None:
    names = {"secret": str(secret), "folder": str(secret.parent)}
    with pytest.raises(RuntimeRejected, match=r"leads out|outside of the task's|too many links"):
        await carried(rig, {}, [path.format(**names)], run=make.format(**names))


async def test_links_in_a_directory_are_taken_as_links(rig: Rig, secret: Path) -> None:
    make = f"mkdir out; ln -s {secret} out/a; ln -s {secret.parent} out/b; mkfifo out/c"
    _, (out,) = await carried(rig, {}, ["out"], run=make)
    arrows = {"out/a": f"-> {secret}".encode(), "out/b": f"-> {secret.parent}".encode()}
    assert out == {"out": b"/", **arrows}


async def test_links_within_the_directory_are_followed(rig: Rig) -> None:
    make = "mkdir -p a/b; echo 1 > a/b/c; ln -s $PWD/a/b abs; ln -s ../a/./b a/rel; cd a"
    _, found = await carried(rig, {}, ["abs", "a/rel/../b", "abs/c"], run=make)
    assert found == [{"b": b"/", "b/c": b"1\n"}, {"b": b"/", "b/c": b"1\n"}, {"c": b"1\n"}]


async def test_a_file_that_the_task_could_not_read_is_not_taken(rig: Rig, secret: Path) -> None:
    ran = rig.task(run="mkdir out")
    await succeeded(ran, {})
    folder = next((secret.parents[1] / "tasks").iterdir()) / "workdir" / "out"
    os.link(secret, folder / "hard")  # where the system doesn't keep its users from it
    if rig.settings.shell_uids:
        with pytest.raises(RuntimeRejected, match="Permission denied"):
            await taken(ran, "out")
    else:
        assert await taken(ran, "out") == {"out": b"/", "out/hard": SECRET}
    await ran.execution.close()


async def test_a_tree_of_any_depth_costs_only_its_task(rig: Rig) -> None:
    deep = "mkdir out; cd out; for n in $(seq 300); do mkdir d; cd d; done"
    with pytest.raises(RuntimeRejected, match="more than 200 directories in one another"):
        await carried(rig, {}, ["out"], run=deep)
