"""The API middleware `maintenance`: while a file exists, only administrators may change anything.

EXAMPLE_MAINTENANCE_FILE in the coordinator's environment names the file.
"""

import os

from aiohttp import web
from aiohttp.typedefs import Handler

from conveyor.extensions.middlewares import caller


@web.middleware
async def maintenance(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.method not in ("GET", "HEAD") and _is_on() and not _is_admin(request):
        # The API's own middlewares make JSON of it, with the reason as its message.
        raise web.HTTPServiceUnavailable(reason="maintenance is going on, try again later")
    return await handler(request)


def _is_on() -> bool:
    name = os.environ.get("EXAMPLE_MAINTENANCE_FILE")
    return name is not None and os.path.exists(name)


def _is_admin(request: web.Request) -> bool:
    who = caller(request)  # None where nobody was asked: a path that doesn't exist
    return who is not None and who.is_admin
