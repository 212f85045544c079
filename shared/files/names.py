"""The names of objects that Conveyor makes."""

UPLOADS = "uploads/"
"""What the names of all uploads start with; no job has such an id."""

CHECKS = "conveyor-checks/"
"""Of what is written to see whether the store can be used."""


def job_prefix(job_id: str) -> str:
    return f"{job_id}/"


def task_prefix(job_id: str, task_id: str) -> str:
    """Of all dispatches of one attempt: each attempt at a task is a row of its own."""
    return f"{job_id}/{task_id}/"


def dispatch_prefix(job_id: str, task_id: str, attempt: int, dispatch: int) -> str:
    """What the names of all objects of a dispatch start with: two never write the same object."""
    return f"{job_id}/{task_id}/{attempt}.{dispatch}/"


def upload_object(upload_id: str) -> str:
    """The name of the object that an upload is."""
    return f"{UPLOADS}{upload_id}"
