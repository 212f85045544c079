"""Starting a process in a session of its own, and telling when it ends, without threads.

asyncio's own subprocess support starts a thread or a watcher per child on Python 3.11; a pidfd in
the event loop costs one system call instead.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_CAN_PIDFD = hasattr(os, "pidfd_open")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    uid: int | None = None
    gid: int | None = None


class Process:
    """One child, leader of its process group. `output_fd` carries stdout and stderr, in order."""

    def __init__(self, command: Command, on_exit: Callable[[], None]) -> None:
        """Raises OSError when the command can't be started."""
        self.output_fd, write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # Only our end is non-blocking: a task must not see EAGAIN on its own stdout.
        os.set_blocking(write_fd, True)
        try:
            self._popen = _spawn(command, write_fd)
        except BaseException:  # whatever it was, the pipe must not leak
            os.close(self.output_fd)
            raise
        finally:
            os.close(write_fd)
        self.exit_code: int | None = None
        self._on_exit = on_exit
        self._pidfd: int | None = None
        self._watch()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def read(self, size: int) -> bytes | None:
        """Output that is there now; None when there is none yet, empty when it was closed."""
        try:
            return os.read(self.output_fd, size)
        except BlockingIOError:  # nothing now
            return None

    def kill_group(self) -> None:
        """SIGKILL to every process of the group. Harmless once nobody is left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone already
            os.killpg(self._popen.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the output. The process must have ended."""
        os.close(self.output_fd)

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
        self.kill_group()
        self.exit_code = self._popen.wait()
        self._on_exit()


def _spawn(command: Command, output_fd: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - running the user's command is what this is for
        command.argv,
        cwd=command.cwd,
        env=command.env,
        stdin=subprocess.DEVNULL,
        stdout=output_fd,
        stderr=output_fd,
        start_new_session=True,
        user=command.uid,
        group=command.gid,
        # Leaving root means leaving root's groups too.
        extra_groups=None if command.uid is None and command.gid is None else [],
    )
