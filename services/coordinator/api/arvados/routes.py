"""All routes of Arvados' API."""

from services.coordinator.api.arvados.container_requests import REQUEST_ROUTES
from services.coordinator.api.arvados.containers import CONTAINER_ROUTES
from services.coordinator.api.arvados.discovery import describe_arvados_api
from services.coordinator.api.arvados.job_tasks import TASK_ROUTES
from services.coordinator.api.arvados.jobs import JOB_ROUTES
from services.coordinator.api.arvados.log_tails import follow_arvados_log
from services.coordinator.api.arvados.nodes import NODE_ROUTES
from services.coordinator.api.arvados.own_tasks import OWN_TASK_ROUTES
from services.coordinator.api.arvados.users import get_arvados_user

ARVADOS_ROUTES = (
    *JOB_ROUTES,
    *TASK_ROUTES,
    *OWN_TASK_ROUTES,
    *NODE_ROUTES,
    *REQUEST_ROUTES,
    *CONTAINER_ROUTES,
    follow_arvados_log,
    get_arvados_user,
    describe_arvados_api,
)
