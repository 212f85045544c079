"""Who a shell task runs as, and what rights it has: a thread that starts all of them gave up what
they must not have, which they inherit. So it costs a task no process and no program of its own.
"""

import asyncio
import contextlib
import ctypes
import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import structlog

from conveyor.extensions.runtimes import RuntimeUnavailable
from services.worker.runtimes.settings import RuntimeSettings

log = structlog.get_logger(__name__)

T = TypeVar("T")

_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_MORE_CAPABILITIES_THAN_THERE_ARE = 64
_CLONE_NEWNS = 0x00020000
_MS_REC, _MS_SLAVE = 16384, 1 << 19


class Launcher:
    """Runs what starts a program, on the thread without rights."""

    def __init__(self, settings: RuntimeSettings) -> None:
        self._thread = ThreadPoolExecutor(
            1, "shell-launcher", initializer=_prepare_thread, initargs=(settings,)
        )

    def run(self, start: Callable[[], T]) -> T:
        """Waits: a start that was given up half-way would leave a process nobody knows."""
        return self._thread.submit(start).result()

    def close(self) -> None:
        self._thread.shutdown()


def _prepare_thread(settings: RuntimeSettings) -> None:
    with contextlib.suppress(AttributeError):  # not Linux: there is nothing to give up
        libc = ctypes.CDLL(None, use_errno=True)
        if settings.shell_uids:
            _hide_processes(libc)
        if not settings.shell_privileges_kept:
            _give_up_rights(libc)


def _hide_processes(libc: ctypes.CDLL) -> None:
    """In a /proc of their own, users see their own processes alone."""
    done = (
        libc.unshare(_CLONE_NEWNS) == 0
        and libc.mount(None, b"/", None, _MS_REC | _MS_SLAVE, None) == 0
        and libc.mount(b"proc", b"/proc", b"proc", 0, b"hidepid=2") == 0
    )
    if not done:  # no right to mount, in a container: their names can be seen, nothing else
        log.warning("processes_not_hidden", error=os.strerror(ctypes.get_errno()))


def _give_up_rights(libc: ctypes.CDLL) -> None:
    """Capabilities that this thread itself has end with the next program: its bounding set is
    empty, and it inherits none. Without root the first two fail, and there are none to lose."""
    for capability in range(_MORE_CAPABILITIES_THAN_THERE_ARE):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then their upper halves
    if libc.capget(header, sets) == 0:
        sets[2] = sets[5] = 0
        libc.capset(header, sets)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class User:
    """None is the worker's own. `is_alone`: nothing else runs as this user meanwhile."""

    uid: int | None
    gid: int | None
    is_alone: bool = False


class UserThread:
    """Steps of work with files, one after the other, with a user's rights to them: the kernel has
    those for each thread."""

    def __init__(self, user: User) -> None:
        self._thread = ThreadPoolExecutor(1, "shell-files", initializer=_become, initargs=(user,))

    async def run(self, step: Callable[[], T]) -> T:
        """A step that has begun is done before a cancellation goes on: its files are open."""
        done = asyncio.get_running_loop().run_in_executor(self._thread, step)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.gather(done, return_exceptions=True)
            raise

    def close(self) -> None:
        self._thread.shutdown(wait=False)


def _become(user: User) -> None:
    if user.uid is None and user.gid is None:
        return
    libc = ctypes.CDLL(None)
    if user.gid is not None:
        libc.setfsgid(user.gid)
    if user.uid is not None:
        libc.setfsuid(user.uid)
        if libc.setfsuid(-1) != user.uid:  # how it is asked for; it has no errors
            raise OSError(errno.EPERM, "the worker can't act as the task's user")


class Users:
    """Gives each running task a user of its own, where the settings have some."""

    def __init__(self, settings: RuntimeSettings) -> None:
        """Raises ValueError when this process can't become another user."""
        self._shared = User(settings.shell_uid, settings.shell_gid)
        self._free = [User(uid, uid, is_alone=True) for uid in settings.shell_uids]
        self.has_own = bool(self._free)
        if self.has_own and os.geteuid() != 0:
            raise ValueError("CONVEYOR_RUNTIME_SHELL_UIDS requires a worker that runs as root")

    def take(self) -> User:
        """Raises RuntimeUnavailable when all are in use."""
        if not self.has_own:
            return self._shared
        if not self._free:
            raise RuntimeUnavailable("all of CONVEYOR_RUNTIME_SHELL_UIDS are in use")
        return self._free.pop(0)

    def give_back(self, user: User) -> None:
        """The one that was used longest ago is taken next."""
        if user.is_alone:
            self._free.append(user)
