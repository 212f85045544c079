"""When a task's script needs no file: making one costs more than the shortest tasks themselves."""

import posixpath
from collections.abc import Sequence

from services.worker.runtimes.task_spec import TaskSpec

_SHELLS = ("sh", "bash", "dash", "ash")
_ARGUMENT_BYTES = 65536
"""Half of what Linux takes for one argument."""


def fits_an_argument(spec: TaskSpec, shell: Sequence[str]) -> bool:
    """Whether `<shell> <text> <file>` does what `<shell> <file>` would; True without a script.

    The file's name goes last as the script's $0, with its path or without.
    """
    if spec.run is None:
        return True
    is_plain_shell = (
        len(shell) == 2 and posixpath.basename(shell[0]) in _SHELLS and shell[1] == "-c"
    )
    # `#!` names another interpreter; a leading sign would be read as an option.
    is_plain_text = not spec.run.startswith(("#!", "-", "+")) and "\0" not in spec.run
    is_short = len(spec.run.encode()) <= _ARGUMENT_BYTES
    return is_plain_shell and is_plain_text and is_short and not spec.cmd
