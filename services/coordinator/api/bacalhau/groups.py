"""The route groups of Bacalhau's API, and its query parameters in general."""

from typing import Annotated

from pydantic import Field

from services.coordinator.api.bacalhau.schemas import BacalhauError
from services.coordinator.api.errors import BadRequest
from services.coordinator.api.requests import WITHOUT_NUL, Query
from services.coordinator.api.route import RouteGroup

_TAG = "bacalhau"
AGENT = RouteGroup(group="bacalhau", tag=_TAG, error_form=BacalhauError)
OPEN = RouteGroup(group="bacalhau", tag=_TAG, scope=None, error_form=BacalhauError)
NODES = RouteGroup(
    group="bacalhau",
    tag=_TAG,
    path_meanings={"id": "The node's id, its beginning, or the node's name."},
    missing="There is no such node.",
    error_form=BacalhauError,
)
JOBS = RouteGroup(
    group="bacalhau",
    tag=_TAG,
    path_meanings={"id": "The job's name, its id, or the beginning of its id."},
    missing="There is no such job.",
    error_form=BacalhauError,
)


class ListQuery(Query):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=0, le=10_000, description="At most so many; 0: all.")] = 0
    next_token: Annotated[
        str, Field(max_length=256, description="Where the page before has ended.")
    ] = ""
    order_by: Annotated[str, Field(max_length=100, description="What to order by.")] = ""
    reverse: Annotated[bool, Field(description="In the reverse order.")] = False


Labels = Annotated[
    str,
    Field(
        max_length=400,
        description="A label selector as in Kubernetes: `env=prod,tier in (a,b),gpu,!spot`. It may "
        "be given several times.",
    ),
]


def chosen(value: str, allowed: tuple[str, ...], name: str) -> str:
    """`value`, or the first of those allowed when it is empty. Raises BadRequest."""
    if value and value not in allowed:
        raise BadRequest(f"{name}: {value!r} is not allowed: must be one of {', '.join(allowed)}")
    return value or allowed[0]


class NamespaceQuery(Query):
    """In which namespace."""

    namespace: Annotated[
        str,
        Field(
            max_length=256,
            pattern=WITHOUT_NUL,
            description="The namespace of the job; for a name by default `default`, for an id any.",
        ),
    ] = ""


class TokenQuery(Query):
    """That it is submitted once."""

    idempotency_token: Annotated[
        str, Field(max_length=255, description="As the header `Idempotency-Key`.")
    ] = ""


class VersionQuery(NamespaceQuery):
    """Which version of a job."""

    job_version: Annotated[
        int, Field(ge=0, le=2**31 - 1, description="Which version of the job; 0: the latest.")
    ] = 0
