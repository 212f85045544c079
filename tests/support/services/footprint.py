"""What processes take of their machine: memory, open files, threads, children."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

RABBITMQ, POSTGRES = "beam.smp", "postgres"
"""The servers' processes, as the kernel names them."""

_BYTES_PER_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Footprint:
    """`memory` is in megabytes, and what is nobody else's: without libraries and shared memory."""

    memory: float
    files: int
    threads: int
    children: int


def footprint(pid: int) -> Footprint:
    """Raises psutil.NoSuchProcess when it has ended."""
    process = psutil.Process(pid)
    with process.oneshot():
        memory = _own_megabytes(process)
        return Footprint(memory, process.num_fds(), process.num_threads(), len(process.children()))


def peak_megabytes(pid: int) -> float:
    """The most resident memory it ever had, shared libraries included."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024 / _BYTES_PER_MEGABYTE


def descendants(name: str) -> Iterator[psutil.Process]:
    """The processes of that name that this one, or one below it, has started."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if process.name() == name:
                yield process


def together_megabytes(name: str) -> float:
    """What all `descendants` of that name have for themselves."""
    total = 0.0
    for process in descendants(name):
        with suppress(psutil.NoSuchProcess):  # as above
            total += _own_megabytes(process)
    return total


def _own_megabytes(process: psutil.Process) -> float:
    memory = process.memory_info()
    return float(memory.rss - memory.shared) / _BYTES_PER_MEGABYTE
