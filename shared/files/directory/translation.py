"""Errors of the operating system as those of files."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from conveyor.extensions.files import ObjectRefused, StoreUnavailable

_CONFLICTS = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY}


@contextmanager
def translated(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _CONFLICTS:
            reason = "another object's name continues it, or is its beginning"
            raise ObjectRefused(f"{name!r} cannot be kept in a directory: {reason}") from None
        raise StoreUnavailable(f"{name!r}: {error.strerror}") from error
