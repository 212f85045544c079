"""Ports for servers that start later, and may go and come back: nobody else gets them meanwhile."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path

# Below those that the kernel gives to whoever names none, from 32768 on: these go to the next
# connection or test server, be it before the server has started or while it is restarted.
_FIRST, _COUNT = 20_000, 12_000
_TURN = Path(tempfile.gettempdir(), f"conveyor-test-ports-{os.getuid()}")


def free_port() -> int:
    [port] = free_ports(1)
    return port


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, given out in turn to all test processes of this user."""
    with _TURN.open("a+") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        turn.seek(0)
        last = int(turn.read() or 0)
        found: list[int] = []
        while len(found) < count:
            last = (last + 1) % _COUNT
            if _is_free(_FIRST + last):
                found.append(_FIRST + last)
        turn.truncate(0)
        turn.write(str(last))
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:  # somebody has it
            return False
    return True
