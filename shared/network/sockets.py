"""The guard at connect: what an HTTP client of aiohttp makes its sockets by."""

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.network.guard import Guard

if TYPE_CHECKING:
    from aiohttp import AddrInfoType


def guarded_by(guard: Guard) -> "Callable[[AddrInfoType], socket.socket]":
    """A socket factory. It checks the address that a connection goes to, so a name that resolves
    to another address by then is checked as well. It raises OSError where `guard` refuses."""

    def make(to: "AddrInfoType") -> socket.socket:
        family, kind, protocol, _, (host, port, *_) = to
        if refusal := guard.refusal(str(host), int(port)):
            raise OSError(errno.EACCES, refusal)
        return socket.socket(family, kind, protocol)

    return make


def guard_refusal(error: BaseException) -> str | None:
    """Of an error to connect of aiohttp: what the guard said; None where it was something else."""
    cause = getattr(error, "os_error", None)
    return str(cause.strerror) if isinstance(cause, PermissionError) else None
