"""Processes a shell task left behind outside its process group (it called setsid).

Each task's processes carry the path of its directory in their environment; that is how they are
found. The scan reads /proc, so it only runs where /proc is and only when there is reason to.
"""

import contextlib
import ctypes
import os
import signal
from collections.abc import Container
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Ask the kernel to hand us whatever our tasks leave behind, so that we can see it.

    Does nothing where the call doesn't exist.
    """
    with contextlib.suppress(OSError, AttributeError):  # not Linux, or no such C library
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_orphans_of(directory: str, leader: int, known: Container[int]) -> None:
    """Kill and reap what a task left: its process group, and what carries its directory.

    `leader` was the task's main process, ended by now. `known` children are the main processes of
    running tasks and spared without a look; children that aren't a task's are never touched.
    """
    for _ in range(100):  # each one that ends may hand us its own children
        found = [
            pid
            for pid in _children()
            if pid not in known and (_group_of(pid) == leader or _carries(pid, directory))
        ]
        if not found:
            return
        for pid in found:
            _kill_and_reap(pid)


def end_processes_of(directory: str) -> None:
    """Kill every process on the machine that carries this directory in its environment."""
    for entry in Path("/proc").glob("[0-9]*"):
        if _carries(int(entry.name), directory):
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.kill(int(entry.name), signal.SIGKILL)


def _children() -> list[int]:
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    except OSError:  # no /proc, or a kernel without this file: nothing to see
        return []
    return [int(pid) for pid in text.split()]


def _carries(pid: int, directory: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # it ended meanwhile, or isn't ours to read
        return False
    return f"TORK_OUTPUT={directory}/".encode() in environment


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:  # ended and reaped meanwhile
        return None


def _kill_and_reap(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):  # reaped by someone else
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
