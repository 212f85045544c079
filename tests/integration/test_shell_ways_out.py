"""What a shell task can see of its worker, and of the tasks beside it."""

import asyncio
import ctypes
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from tests.support.engines.execution_driver import Rig, rig_of

SECRET = "of-the-worker-alone"
NOBODY = 65534
_PR_SET_DUMPABLE = 4


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setenv("CONVEYOR_ENCRYPTION_KEY", SECRET)
    async with rig_of("shell", shell_workdir_root=str(tmp_path)) as rig:
        yield rig


async def test_a_task_has_nothing_of_its_workers_environment(rig: Rig) -> None:
    outcome, ran = await rig.run(run="env; ls /proc/self/fd | wc -w", env={"ASKED": "for"})
    assert outcome.is_success
    assert SECRET not in ran.text
    *words, open_files = ran.text.splitlines()
    told = {word.partition("=")[0] for word in words}
    usual = {"PATH", "LANG", "HOME", "PWD", "OLDPWD", "SHLVL", "_", "TORK_OUTPUT", "TORK_PROGRESS"}
    assert told - usual == {"ASKED"}
    assert int(open_files) <= 4, "it has files of the worker open"


@pytest.mark.parametrize(
    "files", [{"../x": ""}, {"/etc/x": ""}, {"a/../../x": ""}, {"entrypoint/../../x": ""}]
)
async def test_files_are_written_nowhere_but_in_its_own_directory(
    rig: Rig, files: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(RuntimeRejected, match="relative path"):
        await rig.run(files=files, run="true")
    assert list(tmp_path.iterdir()) == []


def test_a_task_of_the_workers_own_user_can_not_read_what_the_worker_holds() -> None:
    async def look() -> str:
        with tempfile.TemporaryDirectory() as root:
            return await look_from(root)

    async def look_from(root: str) -> str:
        async with rig_of("shell", shell_workdir_root=root) as rig:
            tries = (f"cat /proc/$PPID/{name} > got 2> /dev/null" for name in ("environ", "maps"))
            script = "; ".join(f"{each} && echo read it" for each in tries)
            _, ran = await rig.run(run=f"{script}; cat /proc/self/environ > got && echo end")
            return ran.text

    assert in_a_child(look) == "end\n"


def in_a_child(work: Callable[[], Awaitable[str]]) -> str:
    """What `work` says in a process of its own, which is not root."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _become_nobody()
            os.write(writing, asyncio.run(_told(work)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    return text


async def _told(work: Callable[[], Awaitable[str]]) -> str:
    try:
        return await work()
    except Exception as error:  # noqa: BLE001 - for the parent, whose test it is
        return f"{type(error).__name__}: {error}"


def _become_nobody() -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        # Another user's process hides by itself: what is tested is that the runtime hides.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
