"""The secrets in this process's environment and memory, kept from the tasks beside it."""

import contextlib
import ctypes

_PR_SET_DUMPABLE = 4


def hide_from_tasks() -> None:
    """Let no process of the same user read our environment or memory, or trace us.

    Shell tasks run as the worker's user unless the settings name another. Programs that we start
    are not affected. Does nothing where the call doesn't exist, and against root nothing helps.
    """
    with contextlib.suppress(OSError, AttributeError):  # not Linux, or no such C library
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
