"""The table of all routes."""

from typing import Any

from services.coordinator.api import answers as a
from services.coordinator.api import jobs, metrics, nodes, queues, tasks
from services.coordinator.api.health import get_health
from services.coordinator.api.requests import JobsQuery, LogQuery
from services.coordinator.api.route import JSON, Answered, Route
from shared.jobspec import JSON_TYPES, YAML_TYPES, JobSpec

_JOB_ID = {"id": "The job's id."}
_TASK_ID = {"id": "The task's id."}
_QUEUE_NAME = {"name": "The queue's name."}


def _json(meaning: str, model: Any) -> Answered:  # noqa: ANN401 - a model, or a union of models
    return Answered(meaning, {JSON: model})


def _error(meaning: str) -> Answered:
    return _json(meaning, a.Error)


_BAD = _error("The request breaks a rule; the message names it.")
_UNAVAILABLE = _error("The database or the broker can't be reached; try again later.")
_NO_JOB = _error("There is no such job.")
_NO_TASK = _error("There is no such task.")
_NO_QUEUE = _error("There is no such queue.")
_OK = _json("Done.", a.Status)

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/jobs",
        handler=jobs.submit_job,
        summary="Submit a job",
        tag="jobs",
        body=JobSpec,
        body_types=(*JSON_TYPES, *YAML_TYPES),
        answers={
            200: _json("The job is stored; with `wait`, it is final.", a.Job | a.JobSummary),
            400: _error("The job breaks a rule; the message names field, value and rule."),
            408: _error("With `wait`: the job is not final yet; it goes on."),
            413: _error("The body is over the limit."),
            503: _UNAVAILABLE,
        },
    ),
    Route(
        method="GET",
        path="/jobs",
        handler=jobs.list_jobs,
        summary="List jobs, newest first",
        tag="jobs",
        query=JobsQuery,
        answers={
            200: _json("A page of jobs.", a.JobPage),
            400: _BAD,
            503: _UNAVAILABLE,
        },
    ),
    Route(
        method="GET",
        path="/jobs/{id}",
        handler=jobs.get_job,
        summary="Show a job with its tasks",
        tag="jobs",
        path_meanings=_JOB_ID,
        answers={200: _json("The whole job.", a.Job), 404: _NO_JOB, 503: _UNAVAILABLE},
    ),
    Route(
        method="GET",
        path="/jobs/{id}/log",
        handler=jobs.get_job_log,
        summary="Read the log of a job, newest part first",
        tag="jobs",
        path_meanings=_JOB_ID,
        query=LogQuery,
        answers={
            200: _json("A page of log parts.", a.LogPage),
            400: _BAD,
            404: _NO_JOB,
            503: _UNAVAILABLE,
        },
    ),
    Route(
        method="PUT",
        path="/jobs/{id}/cancel",
        handler=jobs.cancel_job,
        summary="Cancel a job that is not final",
        tag="jobs",
        path_meanings=_JOB_ID,
        answers={
            200: _OK,
            400: _error("The job is final."),
            404: _NO_JOB,
            503: _UNAVAILABLE,
        },
    ),
    Route(
        method="PUT",
        path="/jobs/{id}/restart",
        handler=jobs.restart_job,
        summary="Go on with a failed or cancelled job where it stopped",
        tag="jobs",
        path_meanings=_JOB_ID,
        answers={
            200: _OK,
            400: _error("The job is neither FAILED nor CANCELLED."),
            404: _NO_JOB,
            503: _UNAVAILABLE,
        },
    ),
    Route(
        method="GET",
        path="/tasks/{id}",
        handler=tasks.get_task,
        summary="Show one attempt at a task",
        tag="tasks",
        path_meanings=_TASK_ID,
        answers={200: _json("The task.", a.Task), 404: _NO_TASK, 503: _UNAVAILABLE},
    ),
    Route(
        method="GET",
        path="/tasks/{id}/log",
        handler=tasks.get_task_log,
        summary="Read the log of a task, newest part first",
        tag="tasks",
        path_meanings=_TASK_ID,
        query=LogQuery,
        answers={
            200: _json("A page of log parts.", a.LogPage),
            400: _BAD,
            404: _NO_TASK,
            503: _UNAVAILABLE,
        },
    ),
    Route(
        method="GET",
        path="/queues",
        handler=queues.list_queues,
        summary="List the queues",
        tag="queues",
        answers={200: _json("All queues known.", list[a.Queue]), 503: _UNAVAILABLE},
    ),
    Route(
        method="GET",
        path="/queues/{name}",
        handler=queues.get_queue,
        summary="Show a queue",
        tag="queues",
        path_meanings=_QUEUE_NAME,
        answers={200: _json("The queue.", a.Queue), 404: _NO_QUEUE, 503: _UNAVAILABLE},
    ),
    Route(
        method="DELETE",
        path="/queues/{name}",
        handler=queues.delete_queue,
        summary="Delete a task queue and what is in it",
        tag="queues",
        path_meanings=_QUEUE_NAME,
        answers={
            200: _OK,
            400: _error("Not a task queue."),
            404: _NO_QUEUE,
            503: _UNAVAILABLE,
        },
    ),
    Route(
        method="GET",
        path="/nodes",
        handler=nodes.list_nodes,
        summary="List the workers",
        tag="management",
        answers={200: _json("Workers seen lately.", list[a.Node]), 503: _UNAVAILABLE},
    ),
    Route(
        method="GET",
        path="/health",
        handler=get_health,
        summary="Say whether the service works",
        tag="management",
        answers={
            200: _json("All that should be there is.", a.Health),
            503: _json("Something is missing.", a.Health),
        },
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=metrics.get_metrics,
        summary="Count what runs; Prometheus text when `Accept` asks for it",
        tag="management",
        answers={
            200: Answered(
                "Totals; as Prometheus text with this process's own.",
                {JSON: a.MetricsView, "text/plain": None},
            ),
            503: _UNAVAILABLE,
        },
    ),
)
