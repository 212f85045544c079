"""Listening for HTTP at an address that a setting names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def naming(host: str, port: int, setting: str) -> Iterator[None]:
    """An OSError of the block, which listens there, names the address and the setting."""
    try:
        yield
    except OSError as error:
        # asyncio puts its own words over the system's, which say less.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise OSError(f"can't listen on {host}:{port} ({setting}): {reason}") from error
