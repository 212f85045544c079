"""The names of objects that Conveyor makes."""


def dispatch_prefix(job_id: str, task_id: str, attempt: int, dispatch: int) -> str:
    """What the names of all objects of a dispatch start with: two never write the same object."""
    return f"{job_id}/{task_id}/{attempt}.{dispatch}/"
