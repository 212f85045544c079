"""Jobs, as they are submitted to be run at once or by a schedule."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from shared.jobspec import fields as f
from shared.jobspec.tork.models.job_options import Permission, Schedule, Wait, Webhook
from shared.jobspec.tork.models.tasks import JobFields, TaskEntry
from shared.jobspec.tork.needs import refuse_bad_needs


class SubmittedJob(JobFields):
    """What both ways to submit a job take."""

    name: f.JobName
    """For people and for the search; expressions read it as `job.name`."""
    tasks: Annotated[list[TaskEntry], Field(min_length=1), AfterValidator(refuse_bad_needs)]
    """Run one after the other, unless they say what they need."""
    inputs: f.Inputs | None = None
    """Values for expressions, as `inputs.` and the name. They keep their JSON types."""
    secrets: dict[f.SecretName, f.Value] | None = None
    """Texts for expressions, as `secrets.` and the name; answers and logs never show them. No name
    may start with `conveyor.`."""
    webhooks: list[Webhook] | None = None
    """Who is told about changes. Default: nobody."""
    permissions: list[Permission] | None = None
    """Who may see the job beside its creator. Default: everybody."""

    def secret_values(self) -> Mapping[str, str]:
        """Name to value, in clear."""
        return {name: value or "" for name, value in (self.secrets or {}).items()}


class JobSpec(SubmittedJob):
    """A job as a client submits it."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "schedule": "is for scheduled jobs: submit it to POST /scheduled-jobs",
    }

    wait: Wait | None = None
    """Default: the submission is answered at once, with the summary."""


class ScheduledJobSpec(SubmittedJob):
    """A job that is started by a schedule."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "wait": "is only for POST /jobs: a scheduled job starts later",
    }

    schedule: Schedule
    """When it is started."""
