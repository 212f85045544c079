"""The table of all routes, and /health."""

from importlib.metadata import version

from aiohttp import web

from services.coordinator.api.access.routes import ACCESS_ROUTES
from services.coordinator.api.access.session_list import SESSION_LIST_ROUTES
from services.coordinator.api.access.sessions import SESSION_ROUTES
from services.coordinator.api.arvados.routes import ARVADOS_ROUTES
from services.coordinator.api.bacalhau.agent import AGENT_ROUTES
from services.coordinator.api.bacalhau.auth import AUTH_ROUTES
from services.coordinator.api.bacalhau.jobs import JOB_ROUTES
from services.coordinator.api.bacalhau.logs import LOG_ROUTES
from services.coordinator.api.bacalhau.nodes import NODE_ROUTES
from services.coordinator.api.bacalhau.results import RESULT_ROUTES
from services.coordinator.api.bacalhau.submission import SUBMISSION_ROUTES
from services.coordinator.api.bytenite.routes import BYTENITE_ROUTES
from services.coordinator.api.dead_letters import DEAD_LETTER_ROUTES
from services.coordinator.api.events import EVENT_ROUTES
from services.coordinator.api.examples import EXAMPLE_ROUTES
from services.coordinator.api.files.objects import OBJECT_ROUTES
from services.coordinator.api.files.routes import FILE_ROUTES
from services.coordinator.api.files.uploads import UPLOAD_ROUTES
from services.coordinator.api.nodes.routes import WORKER_ROUTES
from services.coordinator.api.replies import Health, reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import Route, RouteGroup, response
from services.coordinator.api.schedules.routes import SCHEDULE_ROUTES
from services.coordinator.api.secrets.routes import SECRET_ROUTES
from services.coordinator.api.templates.routes import TEMPLATE_ROUTES
from services.coordinator.api.tork import (
    cluster,
    definition_texts,
    deletion,
    history,
    jobs,
    locks,
    log_lines,
    logs,
    priorities,
    provenance,
    reuse,
    run_again,
    spawned,
    submission,
    task_rows,
    timeline,
    updates,
)
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
    jobs.count_jobs,
    jobs.list_queued_jobs,
    jobs.get_queue_size,
    jobs.get_job,
    jobs.find_job,
    jobs.get_placement,
    timeline.get_timeline,
    provenance.get_provenance,
    definition_texts.get_job_definition,
    task_rows.list_job_tasks,
    logs.get_job_log,
    jobs.cancel_job,
    jobs.release_job,
    priorities.prioritize_job,
    jobs.restart_job,
    deletion.delete_job,
    deletion.delete_jobs,
    run_again.run_job_again,
    reuse.get_job_reuse,
    reuse.ban_job_reuse,
    reuse.check_reuse,
    *updates.UPDATE_ROUTES,
    *locks.LOCK_ROUTES,
    spawned.make_tasks,
    jobs.get_task,
    logs.get_task_log,
    *log_lines.LINE_ROUTES,
    cluster.list_queues,
    cluster.get_queue,
    cluster.delete_queue,
    cluster.get_metrics,
    history.get_queue_history,
    history.get_metrics_history,
    *WORKER_ROUTES,
    *EVENT_ROUTES,
    *EXAMPLE_ROUTES,
    *SCHEDULE_ROUTES,
    *TEMPLATE_ROUTES,
    *ENDPOINT_ROUTES,
    *DELIVERY_ROUTES,
    *DEAD_LETTER_ROUTES,
    *SECRET_ROUTES,
    *FILE_ROUTES,
    *UPLOAD_ROUTES,
    *OBJECT_ROUTES,
    get_health,
    *ACCESS_ROUTES,
    *SESSION_ROUTES,
    *SESSION_LIST_ROUTES,
    *AGENT_ROUTES,
    *AUTH_ROUTES,
    *NODE_ROUTES,
    *JOB_ROUTES,
    *SUBMISSION_ROUTES,
    *LOG_ROUTES,
    *RESULT_ROUTES,
    *BYTENITE_ROUTES,
    *ARVADOS_ROUTES,
)
