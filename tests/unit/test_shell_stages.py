"""What the shell runtime refuses of a task, and how its programs share their directory."""

import shutil
from pathlib import Path

import pytest

from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.protocol import RuntimeDeclined, RuntimeRejected
from services.worker.runtimes.settings import RuntimeSettings
from shared.definition import Mount
from tests.support.engines.execution_driver import Rig, aux, sidecar


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    settings = RuntimeSettings(type="shell", shell_workdir_root=str(tmp_path))
    return Rig("shell", make_runtime(settings), settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sidecars", (sidecar("db", run="true"),)),
        ("mounts", (Mount(type="volume", target="/x"),)),
        ("networks", ("a",)),
        ("gpus", "all"),
        ("privileged", True),
    ],
)
async def test_what_only_containers_have_is_rejected_by_name(
    rig: Rig, name: str, value: object
) -> None:
    with pytest.raises(RuntimeRejected, match=f"{name}: the shell runtime has none"):
        await rig.run(run="true", **{name: value})


async def test_a_pre_with_an_image_needs_a_task_with_one(rig: Rig) -> None:
    with pytest.raises(RuntimeRejected, match=r"pre 1: image 'busybox': the shell runtime runs no"):
        await rig.run(run="true", pre=(aux("pre 1", image="busybox", run="true"),))


async def test_what_a_pre_leaves_in_the_directory_is_there_for_main_and_post(rig: Rig) -> None:
    _, ran = await rig.run(
        pre=(aux("pre 1", run="echo made by pre > a"),),
        run="cat a; echo made by main > b",
        post=(aux("post 1", run="cat b"),),
    )
    assert ran.text == "made by pre\nmade by main\n"
    assert await rig.leftovers() == []


@pytest.mark.parametrize(
    ("signal", "code", "reason"),
    [("KILL", 137, "ended by SIGKILL"), ("TERM", 143, "ended by SIGTERM")],
)
async def test_an_end_by_a_signal_has_the_exit_code_that_shells_and_containers_give_it(
    rig: Rig, signal: str, code: int, reason: str
) -> None:
    outcome, _ = await rig.run(run=f"kill -{signal} $$")
    assert (outcome.exit_code, outcome.reason) == (code, reason)


async def test_a_shells_own_errors_begin_with_no_path(rig: Rig) -> None:
    _, ran = await rig.run(run="no-such-program")
    assert ran.text.startswith("entrypoint: ")


async def test_a_task_whose_directory_was_cleaned_away_before_its_start_is_handed_back(
    rig: Rig, tmp_path: Path
) -> None:
    ran = rig.task(run="true")
    await ran.execution.prepare()
    [directory] = tmp_path.glob("conveyor-task.*")
    shutil.rmtree(directory)
    with pytest.raises(RuntimeDeclined):
        await ran.execution.start()
    await ran.execution.close()


async def test_two_programs_can_not_have_one_file_with_two_texts(rig: Rig) -> None:
    first = aux("pre 1", files={"a": "same", "b": "one"}, run="true")
    with pytest.raises(RuntimeRejected, match="pre 1: file 'b' is there already"):
        await rig.run(files={"a": "same", "b": "two"}, run="true", pre=(first,))


async def test_a_pres_long_script_is_its_own(rig: Rig) -> None:
    long = "\n" + "#" * 200_000
    _, ran = await rig.run(pre=(aux("pre 1", run=f"echo pre{long}"),), run=f"echo main{long}")
    assert ran.text == "pre\nmain\n"
    assert await rig.leftovers() == []
