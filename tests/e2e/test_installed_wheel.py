"""The two wheels in an environment of their own have all that the command needs."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import aiohttp
import pytest

from tests.support.availability import unavailable
from tests.support.eventually import eventually
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
SOURCES = ("services", "shared", "cli", "sdk", "examples")
PAGE = "services/coordinator/page"
TIMEOUT_SECONDS = 240


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """Conveyor's and the client's, built from a copy, so that nothing is left in the tree. The page
    is in them as it was built there."""
    if not (ROOT / PAGE / "index.html").exists():
        unavailable("the page is not built: make page")
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name, symlinks=True)
    shutil.copytree(ROOT / "deploy/setup", source / "deploy/setup")
    for name in ("pyproject.toml", "MANIFEST.in", "LICENSE"):
        shutil.copy(ROOT / name, source)
    arguments = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir=dist"]
    run([sys.executable, "-m", "pip", *arguments, ".", "./sdk"], source)
    ours, clients = sorted((source / "dist").glob("*.whl"))
    return ours, clients


@dataclass(frozen=True)
class Installed:
    """An environment that has the wheels, and an empty directory to work in."""

    programs: Path
    directory: Path

    def conveyor(self, *arguments: str) -> str:
        return run([str(self.programs / "conveyor"), *arguments], self.directory)


@pytest.fixture(scope="module")
def installed(wheels: Sequence[Path], tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The dependencies are those that are installed here; Conveyor itself is the wheels'."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    packages = sysconfig.get_path("purelib", vars={"base": str(home)})
    dependencies = home / "dependencies"
    dependencies.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "conveyor" not in entry.name:  # an editable install leads to the source tree
            (dependencies / entry.name).symlink_to(entry)
    Path(packages, "dependencies.pth").write_text(f"{dependencies}\n")
    arguments = ["install", "--quiet", "--no-deps", "--no-index", *map(str, wheels)]
    run([sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), *arguments], home)
    return Installed(home / "bin", tmp_path_factory.mktemp("empty"))


def run(command: list[str], directory: Path, **more: str) -> str:
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more


@contextmanager
def running_dev(installed: Installed, port: int) -> Iterator[None]:
    with subprocess.Popen(
        [installed.programs / "conveyor", "dev"],
        cwd=installed.directory,
        env=environment(CONVEYOR_API_ADDRESS=f"127.0.0.1:{port}"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def test_the_demo_runs_from_the_wheel_in_an_empty_directory(installed: Installed) -> None:
    output = installed.conveyor("demo", "--image", "")
    assert "result     hello world, counted to 8" in output
    assert str(ROOT) not in output
    assert list(installed.directory.iterdir()) == []


async def test_an_installed_example_runs_on_an_installed_conveyor(installed: Installed) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    async def answers() -> bool:
        try:
            async with aiohttp.request("GET", url, headers={"Accept": "text/html"}) as response:
                # The page itself, which was in the wheel.
                return response.status == 200 and "/ui/assets/" in await response.text()
        except aiohttp.ClientConnectionError:  # it does not listen yet
            return False

    job = installed.directory / "hello.yaml"
    job.write_text(installed.conveyor("examples", "hello"))
    with running_dev(installed, port):
        await eventually(answers, seconds=TIMEOUT_SECONDS)
        output = run(
            [str(installed.programs / "conveyor"), "submit", str(job), "--wait"],
            installed.directory,
            CONVEYOR_URL=url,
        )
    assert output == "hello world, counted to 8\n"


def test_all_examples_are_installed(installed: Installed) -> None:
    listed = installed.conveyor("examples").splitlines()[1:]
    names = sorted(path.stem for path in (ROOT / "examples").glob("*.yaml"))
    assert [line.split()[0] for line in listed] == names


def contents(wheel: Path) -> tuple[Sequence[str], Message]:
    """The names of its files, and what it says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        files = archive.namelist()
        (metadata,) = (name for name in files if name.endswith("dist-info/METADATA"))
        return files, message_from_bytes(archive.read(metadata))


def test_the_client_has_types_and_the_version_that_conveyor_asks_for(
    wheels: Sequence[Path],
) -> None:
    (_, ours), (files, clients) = map(contents, wheels)
    assert {"conveyor/py.typed", "conveyor/models.py"} <= set(files)
    assert clients["Name"] == "conveyor-sdk"
    assert f"conveyor-sdk=={clients['Version']}" in ours.get_all("Requires-Dist", [])
    assert clients["Version"] == ours["Version"]


def test_the_wheel_has_types_and_says_what_it_is(wheels: Sequence[Path]) -> None:
    files, fields = contents(wheels[0])
    assert {"cli/py.typed", "services/py.typed", "shared/py.typed"} <= set(files)
    page = {str(each.relative_to(ROOT)) for each in (ROOT / PAGE).rglob("*") if each.is_file()}
    assert {name for name in files if name.startswith(PAGE)} == page
    assert not [name for name in files if name.startswith(("tests", "bench", "examples"))]
    assert fields["Author"]
    assert "Typing :: Typed" in fields.get_all("Classifier", [])
    assert "](" not in str(fields.get_payload()).replace("](https://", "")
