"""Freezing a server: all its processes stand still, and its connections stay open."""

import signal
from collections.abc import Iterable
from contextlib import suppress

import psutil


def freeze(pid: int) -> None:
    """Stop the process and all that descend from it. The parent first: it makes no more."""
    _signal_all(_family(pid), signal.SIGSTOP)
    # Those that were made before their parent stood still.
    _signal_all(_family(pid), signal.SIGSTOP)


def thaw(pid: int) -> None:
    _signal_all(reversed(_family(pid)), signal.SIGCONT)


def _signal_all(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            process.send_signal(number)


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]
