"""The processes of shell tasks: starting one in a session of its own, telling when it ends, without
threads, and ending what it leaves behind outside its process group (it called setsid).

asyncio's own subprocess support starts a thread or a watcher per child on Python 3.11; a pidfd in
the event loop costs one system call instead. Each task's processes carry the path of its directory
in their environment; that is how those that fled are found. The scan reads /proc, so it only runs
where /proc is and only when there is reason to.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conveyor.extensions.runtimes import ProcessSink
from services.worker.runtimes.shell.cgroups import Cgroup, kill_and_reap
from services.worker.runtimes.shell.rights import Launcher, User
from services.worker.watchdog.args import Key


class Leaders:
    """`tell` hears of each: what it runs and the process, 0 when it has ended."""

    def __init__(self) -> None:
        self._keys: dict[int, Key] = {}
        self.tell: ProcessSink = lambda _key, _pid: None

    def __contains__(self, pid: object) -> bool:
        return pid in self._keys

    def add(self, key: Key, pid: int) -> None:
        self._keys[pid] = key
        self.tell(key, pid)

    def discard(self, pid: int) -> None:
        if (key := self._keys.pop(pid, None)) is not None:
            self.tell(key, 0)


_CAN_PIDFD = hasattr(os, "pidfd_open")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`executable` is the file to run where it is known; else `argv[0]` is looked up."""

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    user: User
    executable: str | None = None
    cgroup: Cgroup | None = None


class Process:
    """One child, leader of its process group. Its stdout and stderr come each in its own order:
    which of what both wrote at once came first, two pipes don't tell."""

    def __init__(self, command: Command, launcher: Launcher, on_exit: Callable[[], None]) -> None:
        """Raises OSError when the command can't be started."""
        pipes = [os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) for _ in range(2)]
        self._fds = [read_fd for read_fd, _ in pipes]
        write_fds = [write_fd for _, write_fd in pipes]
        # Only our end is non-blocking: a task must not see EAGAIN on its own stdout.
        for write_fd in write_fds:
            os.set_blocking(write_fd, True)
        try:
            self._popen = launcher.run(lambda: _spawn(command, *write_fds))
        except BaseException:  # whatever it was, the pipes must not leak
            self.close()
            raise
        finally:
            for write_fd in write_fds:
                os.close(write_fd)
        self._open = dict(enumerate(self._fds, 1))
        self.exit_code: int | None = None
        self._on_exit = on_exit
        self._pidfd: int | None = None
        self._watch()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def open_outputs(self) -> Sequence[int]:
        """The descriptors of those that are not closed."""
        return list(self._open.values())

    def read(self, size: int) -> tuple[int, bytes] | None:
        """Output that is there now, with the number of its stream; None when there is none."""
        for number, fd in list(self._open.items()):
            try:
                data = os.read(fd, size)
            except BlockingIOError:  # nothing now
                continue
            del self._open[number]
            if data:
                self._open[number] = fd  # the others come first next time
                return number, data
        return None

    def signal_group(self, number: signal.Signals) -> None:
        """To every process of the group. Harmless once nobody is left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone already
            os.killpg(self._popen.pid, number)

    def close(self) -> None:
        """Close the outputs. The process must have ended."""
        for fd in self._fds:
            os.close(fd)

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        if not _CAN_PIDFD:  # no such call on macOS: a thread waits instead
            loop.run_in_executor(None, self._popen.wait).add_done_callback(lambda _: self._ended())
            return
        self._pidfd = os.pidfd_open(self._popen.pid)
        loop.add_reader(self._pidfd, self._ended)

    def _ended(self) -> None:
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
        # Before the leader is reaped: until then its number can't belong to anybody else's group.
        self.signal_group(signal.SIGKILL)
        self.exit_code = self._popen.wait()
        self._on_exit()


def _spawn(command: Command, stdout: int, stderr: int) -> "subprocess.Popen[bytes]":
    if command.cgroup is None:
        return _started(command, stdout, stderr, subprocess.DEVNULL)
    gate, opened = os.pipe()
    try:
        behind = ("sh", "-c", _BEHIND_GATE, "sh", *command.argv)
        gated = replace(command, argv=behind, executable="/bin/sh")
        process = _started(gated, stdout, stderr, gate)
        try:
            command.cgroup.add(process.pid)
        except OSError:
            process.kill()
            process.wait()
            raise
        os.write(opened, b"\n")
        return process
    finally:
        os.close(gate)
        os.close(opened)


# It waits until its process is in the control group.
_BEHIND_GATE = 'read -r _ && exec "$@" </dev/null'


def _started(command: Command, stdout: int, stderr: int, input_: int) -> "subprocess.Popen[bytes]":
    user = command.user
    return subprocess.Popen(  # noqa: S603 - running the user's command is what this is for
        command.argv,
        executable=command.executable,
        cwd=command.cwd,
        env=command.env,
        stdin=input_,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        user=user.uid,
        group=user.gid,
        # Leaving root means leaving root's groups too.
        extra_groups=None if user.uid is None and user.gid is None else [],
    )


_PR_SET_CHILD_SUBREAPER = 36
_READ_BYTES = 65536


def adopt_orphans() -> None:
    """Ask the kernel to hand us whatever our tasks leave behind, so that we can see it.

    Does nothing where the call doesn't exist.
    """
    with contextlib.suppress(OSError, AttributeError):  # not Linux, or no such C library
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def catch_ignored_signals() -> None:
    """Give tasks the signals that whoever started the worker had ignored, as nohup and `&` in a
    script do: a program inherits what is ignored and a shell can't trap it, while what is caught
    becomes the default in each new program."""
    for number in signal.valid_signals() - _RESTORED:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)


# Python ignores these itself, and subprocess restores them.
_RESTORED = {signal.SIGPIPE, signal.SIGXFSZ}


def end_orphans_of(directory: str, leader: int, known: Container[int], user: User) -> None:
    """Kill and reap what a task left: its process group, what carries its directory, and what runs
    as its user, if that is its alone.

    `leader` was the task's main process, ended by now. `known` children are the main processes of
    running tasks and spared without a look; children that aren't a task's are never touched.
    """
    for _ in range(100):  # each one that ends may hand us its own children
        found = [
            pid
            for pid in _children()
            if pid not in known
            and (
                _group_of(pid) == leader
                or _carries(pid, directory)
                or (user.is_alone and _runs_as(pid, user))
            )
        ]
        if not found:
            return
        for pid in found:
            kill_and_reap(pid)


def end_processes_of(directory: str) -> None:
    """Kill every process on the machine that carries this directory in its environment."""
    for entry in Path("/proc").glob("[0-9]*"):
        if _carries(int(entry.name), directory):
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.kill(int(entry.name), signal.SIGKILL)


def _children() -> list[int]:
    # No kernel without /proc has it, and some with it: then there is nothing to see.
    return [int(pid) for pid in _read(f"/proc/self/task/{os.getpid()}/children").split()]


def _carries(pid: int, directory: str) -> bool:
    # One that ended meanwhile, or isn't ours to read, carries nothing.
    return f"TORK_OUTPUT={directory}/".encode() in _read(f"/proc/{pid}/environ")


def _read(path: str) -> bytes:
    """A file of the kernel's; empty when there is none."""
    pieces = []
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        while piece := os.read(fd, _READ_BYTES):
            pieces.append(piece)
    except OSError:  # its process ended meanwhile
        return b""
    finally:
        os.close(fd)
    return b"".join(pieces)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:  # ended and reaped meanwhile
        return None


def _runs_as(pid: int, user: User) -> bool:
    try:
        return os.stat(f"/proc/{pid}").st_uid == user.uid
    except OSError:  # ended and reaped meanwhile
        return False
