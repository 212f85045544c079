"""The routes of /scheduled-jobs."""

from services.coordinator.api import answers as a
from services.coordinator.api import scheduled_jobs
from services.coordinator.api.access.principal import Scope
from services.coordinator.api.answers.schedules import (
    ScheduledJob,
    ScheduledJobPage,
    ScheduledJobSummary,
)
from services.coordinator.api.idempotency import IDEMPOTENCY_KEY, KEY_WAS_USED
from services.coordinator.api.requests import PageQuery
from services.coordinator.api.route import (
    BROKEN_RULE,
    TOO_LARGE,
    UNAVAILABLE,
    Route,
    answered,
    answered_error,
)
from shared.jobspec import JSON_TYPES, YAML_TYPES, ScheduledJobSpec

_ID = {"id": "The scheduled job's id."}
_NO_SCHEDULE = answered_error("There is no such scheduled job.")
_OK = answered("Done.", a.Status)

SCHEDULE_ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/scheduled-jobs",
        group="schedules",
        scope=Scope.SUBMIT,
        handler=scheduled_jobs.submit_scheduled_job,
        summary="Submit a job that is run again and again, as its `schedule` says",
        tag="scheduled jobs",
        body=ScheduledJobSpec,
        body_types=(*JSON_TYPES, *YAML_TYPES),
        example={
            "name": "hello",
            "tasks": [{"name": "say hello", "run": "echo hello"}],
            "schedule": {"cron": "0/5 * * * *"},
        },
        headers=(IDEMPOTENCY_KEY,),
        answers={
            200: answered("The scheduled job is stored.", ScheduledJobSummary),
            400: answered_error("The job breaks a rule; the message names field, value and rule."),
            409: KEY_WAS_USED,
            413: TOO_LARGE,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="GET",
        path="/scheduled-jobs",
        group="schedules",
        scope=Scope.READ,
        handler=scheduled_jobs.list_scheduled_jobs,
        summary="List scheduled jobs, newest first",
        tag="scheduled jobs",
        query=PageQuery,
        answers={
            200: answered("A page of scheduled jobs.", ScheduledJobPage),
            400: BROKEN_RULE,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="GET",
        path="/scheduled-jobs/{id}",
        group="schedules",
        scope=Scope.READ,
        handler=scheduled_jobs.get_scheduled_job,
        summary="Show a scheduled job with its tasks",
        tag="scheduled jobs",
        path_meanings=_ID,
        answers={
            200: answered("The whole scheduled job.", ScheduledJob),
            404: _NO_SCHEDULE,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="PUT",
        path="/scheduled-jobs/{id}/pause",
        group="schedules",
        scope=Scope.OPERATE,
        handler=scheduled_jobs.pause_scheduled_job,
        summary="Make no more jobs until it is resumed",
        tag="scheduled jobs",
        path_meanings=_ID,
        answers={
            200: _OK,
            400: answered_error("The scheduled job is paused already."),
            404: _NO_SCHEDULE,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="PUT",
        path="/scheduled-jobs/{id}/resume",
        group="schedules",
        scope=Scope.OPERATE,
        handler=scheduled_jobs.resume_scheduled_job,
        summary="Make jobs again, from the next time on",
        tag="scheduled jobs",
        path_meanings=_ID,
        answers={
            200: _OK,
            400: answered_error("The scheduled job is not paused."),
            404: _NO_SCHEDULE,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="DELETE",
        path="/scheduled-jobs/{id}",
        group="schedules",
        scope=Scope.OPERATE,
        handler=scheduled_jobs.delete_scheduled_job,
        summary="Delete a scheduled job; the jobs it has made stay",
        tag="scheduled jobs",
        path_meanings=_ID,
        answers={200: _OK, 404: _NO_SCHEDULE, 503: UNAVAILABLE},
    ),
)
