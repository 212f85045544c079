"""Shell tasks under another user: the directory is theirs, the worker's things are not."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from tests.support.engines.execution_driver import Rig

UID = GID = 65534
pytestmark = pytest.mark.usefixtures("as_root")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory that others may enter: pytest keeps its own from other users."""
    with tempfile.TemporaryDirectory(prefix="conveyor-test-") as directory:
        path = Path(directory) / "test"
        for each in (Path(directory), path):
            each.mkdir(exist_ok=True)
            each.chmod(0o755)
        yield path


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    settings = RuntimeSettings(
        type="shell", shell_workdir_root=str(tmp_path), shell_uid=UID, shell_gid=GID
    )
    runtime = make_runtime(settings)
    rig = Rig("shell", runtime, settings)
    yield rig
    assert await rig.leftovers() == []
    await runtime.close()


async def test_a_task_runs_as_the_user_and_group_of_the_settings_alone(rig: Rig) -> None:
    outcome, ran = await rig.run(run="id -u; id -g; id -G; touch mine")
    assert (outcome.exit_code, ran.text) == (0, f"{UID}\n{GID}\n{GID}\n")


async def test_its_files_and_its_output_are_its_own(rig: Rig) -> None:
    outcome, _ = await rig.run(
        files={"a/b.txt": "B"}, run='cat a/b.txt > "$TORK_OUTPUT"; echo x >> a/b.txt; echo 7 > c'
    )
    assert (outcome.exit_code, outcome.output) == (0, "B")


async def test_a_link_in_place_of_the_output_is_not_followed(rig: Rig, tmp_path: Path) -> None:
    secret = tmp_path.parent / "secret"
    secret.write_text("root's own")
    secret.chmod(0o600)
    outcome, _ = await rig.run(run=f'ln -sf {secret} "$TORK_OUTPUT"')
    assert (outcome.exit_code, outcome.output) == (0, "")


async def test_a_directory_swapped_for_a_link_is_not_removed_through_it(
    rig: Rig, tmp_path: Path, kept: Path
) -> None:
    swap = 'd=$(dirname "$TORK_OUTPUT"); mv "$d" "$d.moved" && ln -s ' + str(kept) + ' "$d"'
    outcome, _ = await rig.run(run=swap)
    left = sorted(os.listdir(kept))
    shutil.rmtree(tmp_path)  # the task's doing, out of the worker's reach by design
    os.mkdir(tmp_path)
    assert (outcome.exit_code, left) == (0, ["entrypoint", "workdir"])


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Somebody else's directory that looks like a task's; the task may write beside its own."""
    tmp_path.chmod(0o777)
    folder = tmp_path.parent / "kept"
    folder.mkdir()
    (folder / "entrypoint").write_text("keep me")
    (folder / "workdir").mkdir()
    return folder
