"""Finds and kills what a shell task runs: its process group, its session, whatever carries its
directory in the environment, and the children of all these.
"""

import os
import signal
from collections.abc import Collection, Sequence
from typing import NamedTuple

from conveyor.extensions.terminators import ProcessTerminator
from services.worker.watchdog.task_table import Row


class _Process(NamedTuple):
    parent: int
    group: int
    session: int
    is_dead: bool


class Processes:
    def __init__(self, terminator: ProcessTerminator, worker: int) -> None:
        self._directories = terminator.directories
        self._worker = worker

    def end(self, tasks: Sequence[Row], worker_is_gone: bool) -> bool:
        """Kill what runs of these tasks; True when nothing was left to kill."""
        return kill_processes(tasks, self._directories, None if worker_is_gone else self._worker)


def kill_processes(tasks: Sequence[Row], directories: str, worker: int | None) -> bool:
    """Kill what runs of these tasks; True when there was nothing left to kill.

    `worker` is their parent if it still lives: it hasn't seen which of them have ended since.
    """
    if not os.path.isdir("/proc/self"):  # macOS: their groups are all that can be seen
        return not sum(_kill_group(row.leader) for row in tasks if row.leader)
    table = _processes()
    leaders = {row.leader for row in tasks if row.leader and _is_still(row.leader, worker, table)}
    marks = [f"{directories}{row.task_id}.{row.dispatch}-".encode() for row in tasks]
    found = _with_children(
        {
            pid
            for pid, each in table.items()
            if each.group in leaders or each.session in leaders or _carries(pid, marks)
        },
        table,
    )
    living = [pid for pid in found - {os.getpid(), worker} if not table[pid].is_dead]
    # The leader first: a shell whose command was killed would go on with the next.
    for pid in sorted(living, key=lambda pid: pid not in leaders):
        _kill(pid)
    return not living


def _is_still(leader: int, worker: int | None, table: dict[int, _Process]) -> bool:
    """Whether the number is the task's yet: its process may have ended unknown to the worker.

    As long as there is anything of its group nobody else can have it.
    """
    return worker is None or leader not in table or table[leader].parent == worker


def _processes() -> dict[int, _Process]:
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # After the command's name, which may hold anything.
                    state, *numbers = file.read().rpartition(b")")[2].split()[:4]
            except (OSError, ValueError):  # it ended meanwhile
                continue
            parent, group, session = map(int, numbers)
            found[int(name)] = _Process(parent, group, session, state in (b"Z", b"X"))
    return found


def _with_children(found: set[int], table: dict[int, _Process]) -> set[int]:
    while True:
        more = {pid for pid, each in table.items() if each.parent in found} - found
        if not more:
            return found
        found |= more


def _carries(pid: int, marks: Collection[bytes]) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = file.read().split(b"\0")
    except OSError:  # it ended meanwhile, or isn't ours to read
        return False
    places = [each for each in variables if each.startswith(b"TORK_OUTPUT=")]
    return any(mark in place for place in places for mark in marks)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:  # it ended meanwhile; or isn't ours to kill: the next look finds it again
        return


def _kill_group(leader: int) -> bool:
    """False when nobody was left in it."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except OSError:  # gone, or only its dead are still there
        return False
    return True
