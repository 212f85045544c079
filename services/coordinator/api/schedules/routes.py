"""The routes of /scheduled-jobs."""

from services.coordinator.api.idempotency import IDEMPOTENCY_KEY, KEY_WAS_USED
from services.coordinator.api.requests import PageQuery
from services.coordinator.api.route import DONE, Route, RouteGroup, error, response
from services.coordinator.api.schedules import handlers
from services.coordinator.api.schedules.schemas import (
    ScheduledJob,
    ScheduledJobPage,
    ScheduledJobSummary,
)
from services.coordinator.api.scopes import Scope
from shared.jobspec.tork.models import ScheduledJobSpec
from shared.jobspec.tork.parsing import JSON_TYPES, YAML_TYPES

_NONE = error("There is no such scheduled job.")

_SCHEDULES = RouteGroup(
    group="schedules", tag="scheduled jobs", path_meanings={"id": "The scheduled job's id."}
)

SCHEDULE_ROUTES: tuple[Route, ...] = (
    _SCHEDULES.route(
        "POST",
        "/scheduled-jobs",
        handlers.submit_scheduled_job,
        "Submit a job that runs again and again, on its `schedule`",
        {
            200: response("The scheduled job is stored.", ScheduledJobSummary),
            400: error("The job breaks a rule; the message names field, value and rule."),
            409: KEY_WAS_USED,
        },
        scope=Scope.SUBMIT,
        body=ScheduledJobSpec,
        body_types=(*JSON_TYPES, *YAML_TYPES),
        example={
            "name": "hello",
            "tasks": [{"name": "say hello", "run": "echo hello"}],
            "schedule": {"cron": "0/5 * * * *"},
        },
        headers=(IDEMPOTENCY_KEY,),
    ),
    _SCHEDULES.route(
        "GET",
        "/scheduled-jobs",
        handlers.list_scheduled_jobs,
        "List scheduled jobs, newest first",
        {200: response("A page of scheduled jobs.", ScheduledJobPage)},
        query=PageQuery,
    ),
    _SCHEDULES.route(
        "GET",
        "/scheduled-jobs/{id}",
        handlers.get_scheduled_job,
        "Show a scheduled job with its tasks",
        {200: response("The whole scheduled job.", ScheduledJob), 404: _NONE},
    ),
    _SCHEDULES.route(
        "PUT",
        "/scheduled-jobs/{id}/pause",
        handlers.pause_scheduled_job,
        "Pause a scheduled job: it submits nothing until it is resumed",
        {200: DONE, 400: error("The scheduled job is already paused."), 404: _NONE},
        scope=Scope.OPERATE,
    ),
    _SCHEDULES.route(
        "PUT",
        "/scheduled-jobs/{id}/resume",
        handlers.resume_scheduled_job,
        "Resume a scheduled job, from its next time on",
        {200: DONE, 400: error("The scheduled job is not paused."), 404: _NONE},
        scope=Scope.OPERATE,
    ),
    _SCHEDULES.route(
        "DELETE",
        "/scheduled-jobs/{id}",
        handlers.delete_scheduled_job,
        "Delete a scheduled job; its jobs stay",
        {200: DONE, 404: _NONE},
        scope=Scope.OPERATE,
    ),
)
