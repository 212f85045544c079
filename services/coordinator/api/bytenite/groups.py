"""The route groups of ByteNite's API, and the two prefixes of what is about jobs."""

from collections.abc import Sequence
from dataclasses import replace
from functools import wraps

from aiohttp import web

from services.coordinator.api.bytenite.schemas import ByteniteError
from services.coordinator.api.route import Handler, Route, RouteGroup, error

COMPUTING, CUSTOMER = "/v1/computing", "/v1/customer"
"""Newer clients ask below the first, older ones below the second."""

INVALID = error("It breaks rules; `details` has each of them.")
"""422, of what takes a body."""
NO_SOURCE_JOB = error("There is no job such as the one that its data source reads.")
_TAG = "bytenite"
BYTENITE = RouteGroup(group="bytenite", tag=_TAG, error_form=ByteniteError)
JOBS = RouteGroup(
    group="bytenite",
    tag=_TAG,
    path_meanings={"id": "The job's id, as its client chose it or the server."},
    missing="There is no such job.",
    error_form=ByteniteError,
)
OPEN = RouteGroup(group="bytenite", tag=_TAG, scope=None, error_form=ByteniteError)
KEYS = RouteGroup(
    group="bytenite",
    tag=_TAG,
    path_meanings={"id": "The key's id."},
    missing="There is no such key.",
    error_form=ByteniteError,
)
SECRETS = RouteGroup(
    group="bytenite",
    tag=_TAG,
    path_meanings={
        "secretType": "The type of the secret.",
        "id": "The id of the secret.",
    },
    missing="There is no such secret.",
    error_form=ByteniteError,
)
LINKS = RouteGroup(
    group="bytenite",
    tag=_TAG,
    scope=None,
    path_meanings={"path": "What the link leads to."},
    missing="There is no such file.",
    error_form=ByteniteError,
)


def at_both(*routes: Route) -> Sequence[Route]:
    """`routes` of the first prefix, and the same of the second."""
    return [
        *routes,
        *(
            replace(
                route,
                path=route.path.replace(COMPUTING, CUSTOMER, 1),
                handler=_as_customer(route.handler),
            )
            for route in routes
        ),
    ]


def _as_customer(handler: Handler) -> Handler:
    """By another name: each operation has its own in the API's document."""

    @wraps(handler)
    async def of_customer(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    of_customer.__name__ = f"{handler.__name__}_as_customer"
    return of_customer
