"""How many webhooks a job may have: the operator's limit, below that of the language."""

from shared.jobspec.problems import Problem, field_path
from shared.jobspec.tork.models import Subjob, SubmittedJob
from shared.jobspec.tork.scopes import subjobs_of


def webhook_problems(job: SubmittedJob, most: int) -> list[Problem]:
    """One for the job and each of its sub-jobs, if it has more than `most`."""
    jobs: list[tuple[SubmittedJob | Subjob, tuple[int | str, ...]]] = [(job, ()), *subjobs_of(job)]
    places = [(*place, "webhooks") for one, place in jobs if len(one.webhooks or ()) > most]
    rule = f"must have at most {most} webhooks (CONVEYOR_API_WEBHOOKS_PER_JOB)"
    return [Problem(field_path(place), rule, place=place) for place in places]
