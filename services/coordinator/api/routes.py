"""The table of all routes, and /health."""

from importlib.metadata import version

from aiohttp import web

from services.coordinator.api.access.routes import ACCESS_ROUTES
from services.coordinator.api.dead_letters import DEAD_LETTER_ROUTES
from services.coordinator.api.events import EVENT_ROUTES
from services.coordinator.api.files.objects import OBJECT_ROUTES
from services.coordinator.api.files.routes import FILE_ROUTES
from services.coordinator.api.files.uploads import UPLOAD_ROUTES
from services.coordinator.api.replies import Health, reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import Route, RouteGroup, response
from services.coordinator.api.schedules.routes import SCHEDULE_ROUTES
from services.coordinator.api.tork import cluster, deletion, jobs, run_again, submission
from services.coordinator.api.webhooks.deliveries import DELIVERY_ROUTES
from services.coordinator.api.webhooks.routes import ENDPOINT_ROUTES
from shared.process.health import missing_of

_VERSION = version("conveyor")


@RouteGroup(group="health", tag="management", scope=None).route(
    "GET /health",
    "Check service health",
    response("Healthy.", Health),
    {503: response("Something is missing.", Health)},
)
async def get_health(request: web.Request) -> web.Response:
    missing = missing_of(ports(request).health_checks)
    if missing:
        return reply(Health(status="DOWN", version=_VERSION, missing=missing), status=503)
    return reply(Health(status="UP", version=_VERSION))


ROUTES: tuple[Route, ...] = (
    submission.submit_job,
    jobs.list_jobs,
    jobs.get_job,
    jobs.find_job,
    jobs.get_job_log,
    jobs.cancel_job,
    jobs.restart_job,
    deletion.delete_job,
    deletion.delete_jobs,
    run_again.run_job_again,
    jobs.get_task,
    jobs.get_task_log,
    cluster.list_queues,
    cluster.get_queue,
    cluster.delete_queue,
    cluster.list_nodes,
    cluster.get_metrics,
    *EVENT_ROUTES,
    *SCHEDULE_ROUTES,
    *ENDPOINT_ROUTES,
    *DELIVERY_ROUTES,
    *DEAD_LETTER_ROUTES,
    *FILE_ROUTES,
    *UPLOAD_ROUTES,
    *OBJECT_ROUTES,
    get_health,
    *ACCESS_ROUTES,
)
