"""Shell tasks beside one another: with users of their own none sees, signals or reads another."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.engines.execution_driver import Rig, rig_of

_FIRST = 100_000 + 4 * (os.getpid() % 100_000)  # another test process has others
IDS = range(_FIRST, _FIRST + 4)
UIDS = f"{IDS[0]}-{IDS[-1]}"
pytestmark = pytest.mark.usefixtures("as_root")
MARK = "ANNS-SECRET-5544"
VICTIM = 'trap "" TERM; echo $TOK > file; echo ready; while :; do sleep 0.1; done'
ATTACKS = {
    "the environment": "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep ^TOK=",
    "files": "cat ../../*/workdir/* ../../*/stdout 2>/dev/null",
    "open files and memory": "cat /proc/[0-9]*/cwd/file /proc/[0-9]*/mem 2>/dev/null",
    "the directory's names": "ls -d ../../*/workdir/* 2>/dev/null",
    "command lines": "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -o TO[K].*file",
    "all by kill": "kill -9 -1; kill -9 $(ls /proc | grep '^[0-9]') 2>/dev/null; true",
}


@pytest.fixture
def root() -> Iterator[str]:
    """A directory that others may enter: pytest keeps its own from other users."""
    with tempfile.TemporaryDirectory(prefix="conveyor-test-") as directory:
        Path(directory).chmod(0o755)
        yield directory


@pytest.fixture
async def rig(root: str) -> AsyncIterator[Rig]:
    async with rig_of("shell", shell_workdir_root=root, shell_uids=UIDS) as rig:
        yield rig


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_task_beside_it_does_not_reach_another(rig: Rig, attack: str) -> None:
    victim = rig.task(env={"TOK": MARK}, run=VICTIM, task_id="victim")
    waiting = await victim.begin()
    await victim.logged("ready")
    _, bob = await rig.run(run=ATTACKS[attack])
    assert bob.text == "" if attack != "all by kill" else MARK not in bob.text
    assert not waiting.done()
    await victim.execution.stop()
    await victim.finish(waiting)


async def test_each_running_task_has_another_user_and_none_is_used_twice_at_once(rig: Rig) -> None:
    tasks = [
        rig.task(run="id -u; read -r _ < /dev/null; sleep 1000", task_id=f"t{n}") for n in range(4)
    ]
    waiting = [await task.begin() for task in tasks]
    for task in tasks:
        await task.logged("\n")
    assert sorted(task.text.strip() for task in tasks) == [str(uid) for uid in IDS]
    for task, each in zip(tasks, waiting, strict=True):
        await task.execution.stop()
        await task.finish(each)
    outcome, _ = await rig.run(run="true")
    assert outcome.is_success


async def test_what_hides_from_its_task_ends_with_its_user(rig: Rig) -> None:
    hidden = "(env -i setsid sh -c 'exec sleep 1234' >/dev/null 2>&1 &) ; sleep 0.2"
    await rig.run(run=hidden)
    owners = [process.uids().real for process in psutil.process_iter()]
    assert not set(IDS) & set(owners)


RIGHTS = "grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs)' /proc/self/status | cut -f2"


@pytest.mark.parametrize("settings", [{}, {"shell_uids": UIDS}, {"shell_uid": 65534}])
async def test_a_task_has_no_capability_and_can_gain_none(
    root: str, settings: dict[str, object]
) -> None:
    async with rig_of("shell", shell_workdir_root=root, **settings) as rig:
        _, ran = await rig.run(run=RIGHTS)
    assert ran.text.split() == ["0" * 16] * 5 + ["1"]


async def test_an_operator_can_leave_tasks_their_rights(root: str) -> None:
    async with rig_of("shell", shell_workdir_root=root, shell_privileges_kept=True) as rig:
        _, ran = await rig.run(run=RIGHTS)
    assert int(ran.text.split()[2], 16) != 0
