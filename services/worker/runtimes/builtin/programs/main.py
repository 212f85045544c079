"""Runs one program: the process that a task with a built-in is."""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from services.worker.runtimes.builtin.programs import assemble, partition
from services.worker.runtimes.builtin.programs.task import VERDICT, Refused, Task

_FAILED = 1
PROGRAMS = {
    **{f"partition.{name}": program for name, program in partition.PROGRAMS.items()},
    **{f"assemble.{name}": program for name, program in assemble.PROGRAMS.items()},
    "deliver.deliver": assemble.deliver,
}


def main(folder: str) -> NoReturn:
    """`folder` is the task's."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    directory = Path(folder)
    name, task = Task.read(directory)
    try:
        PROGRAMS[name](task)
    except Refused as error:
        _fail(directory, str(error))
    except OSError as error:  # a full disk, a name that is too long
        _fail(directory, f"{error.strerror}: {error.filename!r}" if error.filename else str(error))
    except MemoryError:
        _fail(directory, "out of memory")
    sys.stdout.flush()
    os._exit(0)


def _fail(directory: Path, reason: str) -> NoReturn:
    sys.stderr.write(f"{reason}\n")
    sys.stderr.flush()
    (directory / VERDICT).write_text(reason, errors="replace")
    os._exit(_FAILED)
