"""What the shell runtime refuses of a task, and how its programs share their directory."""

import shutil
import signal
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from conveyor.extensions.runtimes import RuntimeDeclined, RuntimeRejected
from conveyor.extensions.tasks import Builtin, Mount, Network, Place, Registry, TaskSpec, Wasm
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.shell.cgroups import Cgroups
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


@pytest.mark.parametrize("type_", ["none", "bridge", "http"])
async def test_a_network_other_than_the_machines_is_rejected_by_its_type(
    rig: Rig, type_: Any
) -> None:
    with pytest.raises(RuntimeRejected, match=f"no type '{type_}': name an image"):
        await rig.run(run="true", network=Network(type=type_))


@pytest.mark.parametrize("type_", ["default", "host", "full"])
async def test_a_task_can_have_the_network_of_the_machine(rig: Rig, type_: Any) -> None:
    outcome, _ = await rig.run(run="true", network=Network(type=type_))
    assert outcome.is_success


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


_HONOURED = {
    "cmd": ("x",),
    "entrypoint": ("sh", "-c"),
    "run": "true",
    "env": {"A": "b"},
    "files": {"a": "b"},
    "workdir": "a",
    "grace_seconds": 1.0,
    "places": (Place(target="data"),),
    "directories": {"OUTPUT_DIR": "output"},
    "keeps_large_result": True,
    "success_codes": (0, 3),
    "on_output": lambda _number, _data: None,
    "network": Network(type="host"),
    "stop_signal": "SIGINT",
    "pre": (aux("pre 1", run="true"),),
    "post": (aux("post 1", run="true"),),
}
_KEPT_BY_CONTROL_GROUPS = {"cpus": 0.5, "memory_bytes": 64 * 1024**2}
_REFUSED = {
    "image": "busybox",
    "registry": Registry("u", "p"),
    "sidecars": (sidecar("db", run="true"),),
    "mounts": (Mount(type="volume", target="/x"),),
    "networks": ("a",),
    "gpus": "all",
    "privileged": True,
    "wasm": Wasm(module="a.wasm"),
    "builtin": Builtin(name="assemble.zip"),
}
_NOT_THE_AUTHORS = {"task_id", "job_id", "node_id", "dispatch", "variable_prefix", "gpu_devices"}
_RESERVED = {"disk_bytes"}  # by who placed it here


def test_every_field_of_a_task_is_honoured_by_the_shell_or_refused() -> None:
    known = _HONOURED.keys() | _KEPT_BY_CONTROL_GROUPS.keys() | _REFUSED.keys()
    known |= _NOT_THE_AUTHORS | _RESERVED
    assert {field.name for field in fields(TaskSpec)} == known


@pytest.mark.parametrize("name", _REFUSED)
async def test_a_field_that_the_shell_does_not_have_is_refused_by_its_name(
    rig: Rig, name: str
) -> None:
    with pytest.raises(RuntimeRejected, match=f"^{name}"):
        await rig.run(**{"run": "true", name: _REFUSED[name]})


@pytest.mark.parametrize("name", _KEPT_BY_CONTROL_GROUPS)
async def test_limits_are_refused_where_there_are_no_control_groups(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setattr(Cgroups, "_found", Cgroups(tmp_path / "none")._found)
    with pytest.raises(RuntimeRejected, match="limits are not supported by the shell runtime here"):
        await rig.run(run="true", **{name: _KEPT_BY_CONTROL_GROUPS[name]})


async def test_a_task_can_trap_what_was_ignored_when_its_worker_started(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        settings = RuntimeSettings(type="shell", shell_workdir_root=str(tmp_path))
        rig = Rig("shell", make_runtime(settings), settings)
        _, ran = await rig.run(run="trap 'echo hung up' HUP; kill -HUP $$; kill -HUP $$")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert ran.text == "hung up\nhung up\n"
