"""What the operating system refuses, sorted: is it about the task, or about this machine?"""

import errno

from services.worker.runtimes.protocol import RuntimeRejected, RuntimeUnavailable

_OF_THIS_MACHINE = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EIO,
        errno.ENOMEM,
        errno.EAGAIN,  # no process left
        errno.EMFILE,
        errno.ENFILE,
    }
)


def sorted_error(what: str, error: Exception) -> RuntimeRejected | RuntimeUnavailable:
    """To be raised. Another worker may do better where it is this machine that lacks something."""
    text = f"{what}: {error}"
    if isinstance(error, OSError) and error.errno in _OF_THIS_MACHINE:
        return RuntimeUnavailable(text)
    return RuntimeRejected(text)
