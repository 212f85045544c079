"""Tork's routes, with what Conveyor adds to them."""

from services.coordinator.api.idempotency import IDEMPOTENCY_KEY, KEY_WAS_USED
from services.coordinator.api.requests import JobsQuery, LogQuery
from services.coordinator.api.route import (
    DONE,
    JSON,
    Response,
    Route,
    RouteGroup,
    Scope,
    error,
    response,
)
from services.coordinator.api.tork import cluster, jobs, submission
from services.coordinator.api.tork.cluster import MetricsView, Node, Queue
from services.coordinator.api.tork.schemas.jobs import Job, JobPage, JobSummary, LogPage
from services.coordinator.api.tork.schemas.tasks import Task
from shared.jobspec.tork.models import JobSpec
from shared.jobspec.tork.parsing import JSON_TYPES, YAML_TYPES

_NO_JOB = error("There is no such job.")
_NO_TASK = error("There is no such task.")
_NO_QUEUE = error("There is no such queue.")
_LOG = Response(
    "A page of log parts; with `follow` the text itself.", {JSON: LogPage, "text/plain": None}
)

_JOBS = RouteGroup(group="jobs", tag="jobs", path_meanings={"id": "The job's id."})
_TASKS = RouteGroup(group="tasks", tag="tasks", path_meanings={"id": "The task's id."})
_QUEUES = RouteGroup(group="queues", tag="queues", path_meanings={"name": "The queue's name."})
_NODES = RouteGroup(group="nodes", tag="management")
_METRICS = RouteGroup(group="metrics", tag="management")

TORK_ROUTES: tuple[Route, ...] = (
    _JOBS.route(
        "POST",
        "/jobs",
        submission.submit_job,
        "Submit a job",
        {
            200: response("The job is stored; with `wait`, it is final.", Job | JobSummary),
            400: error("The job breaks a rule; the message names field, value and rule."),
            408: error("With `wait`: the job is still running."),
            409: KEY_WAS_USED,
            503: error(
                "The database can't be reached, or too many submissions wait; `Retry-After` says "
                "when to try again."
            ),
        },
        scope=Scope.SUBMIT,
        body=JobSpec,
        body_types=(*JSON_TYPES, *YAML_TYPES),
        example={"name": "hello", "tasks": [{"name": "say hello", "run": "echo hello"}]},
        headers=(IDEMPOTENCY_KEY,),
    ),
    _JOBS.route(
        "GET",
        "/jobs",
        jobs.list_jobs,
        "List jobs, newest first",
        {200: response("A page of jobs.", JobPage)},
        query=JobsQuery,
    ),
    _JOBS.route(
        "GET",
        "/jobs/{id}",
        jobs.get_job,
        "Show a job with its tasks",
        {200: response("The whole job.", Job), 404: _NO_JOB},
    ),
    _JOBS.route(
        "GET",
        "/jobs/{id}/log",
        jobs.get_job_log,
        "Read the log of a job, newest part first, or follow it",
        {200: _LOG, 404: _NO_JOB},
        query=LogQuery,
    ),
    _JOBS.route(
        "PUT",
        "/jobs/{id}/cancel",
        jobs.cancel_job,
        "Cancel a job that is not final",
        {200: DONE, 400: error("The job is final."), 404: _NO_JOB},
        scope=Scope.OPERATE,
    ),
    _JOBS.route(
        "PUT",
        "/jobs/{id}/restart",
        jobs.restart_job,
        "Restart a failed or cancelled job where it stopped",
        {200: DONE, 400: error("The job is neither FAILED nor CANCELLED."), 404: _NO_JOB},
        scope=Scope.OPERATE,
    ),
    _TASKS.route(
        "GET",
        "/tasks/{id}",
        jobs.get_task,
        "Show one attempt at a task",
        {200: response("The task.", Task), 404: _NO_TASK},
    ),
    _TASKS.route(
        "GET",
        "/tasks/{id}/log",
        jobs.get_task_log,
        "Read the log of a task, newest part first, or follow it",
        {200: _LOG, 404: _NO_TASK},
        query=LogQuery,
    ),
    _QUEUES.route(
        "GET",
        "/queues",
        cluster.list_queues,
        "List the queues",
        {200: response("All queues known.", list[Queue])},
    ),
    _QUEUES.route(
        "GET",
        "/queues/{name}",
        cluster.get_queue,
        "Show a queue",
        {200: response("The queue.", Queue), 404: _NO_QUEUE},
    ),
    _QUEUES.route(
        "DELETE",
        "/queues/{name}",
        cluster.delete_queue,
        "Delete a task queue and its messages",
        {200: DONE, 400: error("Not a task queue."), 404: _NO_QUEUE},
        scope=Scope.ADMIN,
    ),
    _NODES.route(
        "GET",
        "/nodes",
        cluster.list_nodes,
        "List the workers",
        {200: response("Workers seen within the last five minutes.", list[Node])},
    ),
    _METRICS.route(
        "GET",
        "/metrics",
        cluster.get_metrics,
        "Count running jobs, tasks and workers; Prometheus text when `Accept` asks for it",
        {
            200: Response(
                "Totals; as Prometheus text with the metrics of this process.",
                {JSON: MetricsView, "text/plain": None},
            )
        },
    ),
)
