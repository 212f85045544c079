"""Listening for HTTP at an address that a setting names."""

import os

from aiohttp import web


async def listen(runner: web.AppRunner, host: str, port: int, setting: str) -> None:
    """Raises OSError, whose text names the address and the setting, when it can't be had."""
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        # asyncio puts its own words over the system's, which say less.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise OSError(f"can't listen on {host}:{port} ({setting}): {reason}") from error
