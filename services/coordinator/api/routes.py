"""The table of all routes."""

from services.coordinator.api import answers as a
from services.coordinator.api import jobs, metrics, nodes, queues, tasks
from services.coordinator.api.access.principal import Scope
from services.coordinator.api.access.routes import ACCESS_ROUTES
from services.coordinator.api.dead_letter_routes import DEAD_LETTER_ROUTES
from services.coordinator.api.event_routes import EVENT_ROUTES
from services.coordinator.api.health import get_health
from services.coordinator.api.idempotency import IDEMPOTENCY_KEY, KEY_WAS_USED
from services.coordinator.api.requests import JobsQuery, LogQuery
from services.coordinator.api.route import (
    BROKEN_RULE,
    JSON,
    TOO_LARGE,
    UNAVAILABLE,
    Answered,
    Route,
    answered,
    answered_error,
)
from services.coordinator.api.schedule_routes import SCHEDULE_ROUTES
from shared.jobspec import JSON_TYPES, YAML_TYPES, JobSpec

_JOB_ID = {"id": "The job's id."}
_TASK_ID = {"id": "The task's id."}
_QUEUE_NAME = {"name": "The queue's name."}
_NO_JOB = answered_error("There is no such job.")
_NO_TASK = answered_error("There is no such task.")
_NO_QUEUE = answered_error("There is no such queue.")
_OK = answered("Done.", a.Status)
_LOG = Answered(
    "A page of log parts; with `follow` the text itself.", {JSON: a.LogPage, "text/plain": None}
)

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/jobs",
        group="jobs",
        scope=Scope.SUBMIT,
        handler=jobs.submit_job,
        summary="Submit a job",
        tag="jobs",
        body=JobSpec,
        body_types=(*JSON_TYPES, *YAML_TYPES),
        example={"name": "hello", "tasks": [{"name": "say hello", "run": "echo hello"}]},
        headers=(IDEMPOTENCY_KEY,),
        answers={
            200: answered("The job is stored; with `wait`, it is final.", a.Job | a.JobSummary),
            400: answered_error("The job breaks a rule; the message names field, value and rule."),
            408: answered_error("With `wait`: the job is not final yet; it goes on."),
            409: KEY_WAS_USED,
            413: TOO_LARGE,
            503: answered_error(
                "The database can't be reached, or too many submissions wait; `Retry-After` says "
                "when to try again."
            ),
        },
    ),
    Route(
        method="GET",
        path="/jobs",
        group="jobs",
        scope=Scope.READ,
        handler=jobs.list_jobs,
        summary="List jobs, newest first",
        tag="jobs",
        query=JobsQuery,
        answers={
            200: answered("A page of jobs.", a.JobPage),
            400: BROKEN_RULE,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="GET",
        path="/jobs/{id}",
        group="jobs",
        scope=Scope.READ,
        handler=jobs.get_job,
        summary="Show a job with its tasks",
        tag="jobs",
        path_meanings=_JOB_ID,
        answers={200: answered("The whole job.", a.Job), 404: _NO_JOB, 503: UNAVAILABLE},
    ),
    Route(
        method="GET",
        path="/jobs/{id}/log",
        group="jobs",
        scope=Scope.READ,
        handler=jobs.get_job_log,
        summary="Read the log of a job, newest part first, or follow it",
        tag="jobs",
        path_meanings=_JOB_ID,
        query=LogQuery,
        answers={
            200: _LOG,
            400: BROKEN_RULE,
            404: _NO_JOB,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="PUT",
        path="/jobs/{id}/cancel",
        group="jobs",
        scope=Scope.OPERATE,
        handler=jobs.cancel_job,
        summary="Cancel a job that is not final",
        tag="jobs",
        path_meanings=_JOB_ID,
        answers={
            200: _OK,
            400: answered_error("The job is final."),
            404: _NO_JOB,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="PUT",
        path="/jobs/{id}/restart",
        group="jobs",
        scope=Scope.OPERATE,
        handler=jobs.restart_job,
        summary="Go on with a failed or cancelled job where it stopped",
        tag="jobs",
        path_meanings=_JOB_ID,
        answers={
            200: _OK,
            400: answered_error("The job is neither FAILED nor CANCELLED."),
            404: _NO_JOB,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="GET",
        path="/tasks/{id}",
        group="tasks",
        scope=Scope.READ,
        handler=tasks.get_task,
        summary="Show one attempt at a task",
        tag="tasks",
        path_meanings=_TASK_ID,
        answers={200: answered("The task.", a.Task), 404: _NO_TASK, 503: UNAVAILABLE},
    ),
    Route(
        method="GET",
        path="/tasks/{id}/log",
        group="tasks",
        scope=Scope.READ,
        handler=tasks.get_task_log,
        summary="Read the log of a task, newest part first, or follow it",
        tag="tasks",
        path_meanings=_TASK_ID,
        query=LogQuery,
        answers={
            200: _LOG,
            400: BROKEN_RULE,
            404: _NO_TASK,
            503: UNAVAILABLE,
        },
    ),
    *EVENT_ROUTES,
    Route(
        method="GET",
        path="/queues",
        group="queues",
        scope=Scope.READ,
        handler=queues.list_queues,
        summary="List the queues",
        tag="queues",
        answers={200: answered("All queues known.", list[a.Queue]), 503: UNAVAILABLE},
    ),
    Route(
        method="GET",
        path="/queues/{name}",
        group="queues",
        scope=Scope.READ,
        handler=queues.get_queue,
        summary="Show a queue",
        tag="queues",
        path_meanings=_QUEUE_NAME,
        answers={200: answered("The queue.", a.Queue), 404: _NO_QUEUE, 503: UNAVAILABLE},
    ),
    Route(
        method="DELETE",
        path="/queues/{name}",
        group="queues",
        scope=Scope.ADMIN,
        handler=queues.delete_queue,
        summary="Delete a task queue and what is in it",
        tag="queues",
        path_meanings=_QUEUE_NAME,
        answers={
            200: _OK,
            400: answered_error("Not a task queue."),
            404: _NO_QUEUE,
            503: UNAVAILABLE,
        },
    ),
    *DEAD_LETTER_ROUTES,
    Route(
        method="GET",
        path="/nodes",
        group="nodes",
        scope=Scope.READ,
        handler=nodes.list_nodes,
        summary="List the workers",
        tag="management",
        answers={200: answered("Workers seen lately.", list[a.Node]), 503: UNAVAILABLE},
    ),
    Route(
        method="GET",
        path="/health",
        group="health",
        scope=None,
        handler=get_health,
        summary="Say whether the service works",
        tag="management",
        answers={
            200: answered("All that should be there is.", a.Health),
            503: answered("Something is missing.", a.Health),
        },
    ),
    Route(
        method="GET",
        path="/metrics",
        group="metrics",
        scope=Scope.READ,
        handler=metrics.get_metrics,
        summary="Count what runs; Prometheus text when `Accept` asks for it",
        tag="management",
        answers={
            200: Answered(
                "Totals; as Prometheus text with this process's own.",
                {JSON: a.MetricsView, "text/plain": None},
            ),
            503: UNAVAILABLE,
        },
    ),
    *SCHEDULE_ROUTES,
    *ACCESS_ROUTES,
)
