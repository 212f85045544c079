"""The route groups of Arvados' API."""

from services.coordinator.api.arvados.schemas import ArvadosError
from services.coordinator.api.route import RouteGroup, error

PREFIX = "/arvados/v1"
FORM = "application/x-www-form-urlencoded"
BODIES = ("application/json", FORM)
INVALID = error("It breaks rules, or the state of the job does not allow it.")
_TAG = "arvados"
ARVADOS = RouteGroup(group="arvados", tag=_TAG, error_form=ArvadosError)
JOBS = RouteGroup(
    group="arvados",
    tag=_TAG,
    path_meanings={"id": "The job's uuid, or its id in Conveyor."},
    missing="There is no such job.",
    error_form=ArvadosError,
)
TASKS = RouteGroup(
    group="arvados",
    tag=_TAG,
    path_meanings={"id": "The task's uuid, or the `TASK_UUID` that its script has."},
    missing="There is no such task.",
    error_form=ArvadosError,
)
NODES = RouteGroup(
    group="arvados",
    tag=_TAG,
    path_meanings={"id": "The worker's uuid, or its id in Conveyor."},
    missing="There is no such worker.",
    error_form=ArvadosError,
)
REQUESTS = RouteGroup(
    group="arvados",
    tag=_TAG,
    path_meanings={"id": "The request's uuid."},
    missing="There is no such container request.",
    error_form=ArvadosError,
)
CONTAINERS = RouteGroup(
    group="arvados",
    tag=_TAG,
    path_meanings={"id": "The container's uuid."},
    missing="There is no such container.",
    error_form=ArvadosError,
)
OPEN = RouteGroup(group="arvados", tag=_TAG, scope=None, error_form=ArvadosError)
