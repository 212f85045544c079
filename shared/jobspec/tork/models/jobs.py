"""Jobs, as clients submit them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import AfterValidator, PrivateAttr, model_validator

from shared.jobspec import fields as f
from shared.jobspec.cron.moments import parse_moment
from shared.jobspec.problems import Breach, Problem, refuse
from shared.jobspec.tork import task_fields as t
from shared.jobspec.tork.models.files import Uploads
from shared.jobspec.tork.models.job_options import (
    JobFields,
    Permission,
    ReuseOfTasks,
    ReuseOrFlag,
    Wait,
    Webhook,
)
from shared.jobspec.tork.models.policies import Spec
from shared.jobspec.tork.models.schedules import Schedule
from shared.jobspec.tork.models.tasks import TaskEntry
from shared.jobspec.tork.needs import refuse_bad_needs


class SubmittedJob(JobFields):
    """What both ways to submit a job take."""

    name: f.JobName
    """For people and for the search; expressions read it as `job.name`."""
    tasks: Annotated[f.Tasks[TaskEntry], AfterValidator(refuse_bad_needs)]
    """Run one after the other, unless they say what they need."""
    inputs: f.Inputs | None = None
    """Values for expressions, as `inputs.` and the name. A single value is a text, as it is spelled
    (`1.10` stays `1.10`); lists and mappings keep their JSON types."""
    secrets: f.Secrets[f.Value] | None = None
    """Texts for expressions, as `secrets.` and the name; answers and logs never show them. No name
    may start with `conveyor.`."""
    stored_secrets: f.Secrets[f.SecretId] | None = None
    """Ids of stored secrets, by the names that `secrets` has for them: a secret of the same name is
    replaced. An access key has its name with `_ACCESS_KEY`. Values are those at the submission."""
    uploads: Uploads | None = None
    """Ids of files that were sent before, by the names that `sources` have for them."""
    budget: f.Amount | None = None
    """It fails once its tasks have cost so much, by the server's prices. Sub-jobs count for
    themselves. Default: no limit."""
    concurrency: t.Concurrency | None = None
    """How many of its tasks may be active at a time: in a queue, waiting for a node, or running.
    Those inside `each`, `parallel`, `spawn` and a placement count, those of sub-jobs do not.
    Default: 0, any number."""
    start_rate: f.Rate | None = None
    """How many of its tasks may start in any second (`10/s`), minute (`100/m`) or hour (`5/h`).
    Default: any number."""
    webhooks: f.Webhooks[Webhook] | None = None
    """Who is told about changes. Default: nobody."""
    permissions: list[f.Entry[Permission]] | None = None
    """Who may see the job, or act on it too, beside its creator. Default: everybody, unless the
    server is set otherwise (`CONVEYOR_AUTH_DEFAULT_ACCESS`)."""

    _warnings: tuple[Problem, ...] = PrivateAttr(())

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What of it works, but was hardly meant."""
        return self._warnings

    def warn(self, warnings: Sequence[Problem]) -> None:
        self._warnings = tuple(warnings)


class JobChanges(Spec):
    """What is other when a job is run again; the rest is as it was submitted."""

    inputs: f.Inputs | None = None
    """Values by name; they replace inputs of the same name."""
    secrets: dict[f.SecretName, f.Value] | None = None
    """Texts by name; they replace secrets of the same name."""
    uploads: Uploads | None = None
    """Ids of uploads by name; they replace uploads of the same name."""


class JobSpec(SubmittedJob):
    """A job as a client submits it."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "schedule": "is for scheduled jobs: submit it to POST /scheduled-jobs",
        "template": "is for stored jobs: push it with `conveyor templates push`",
    }

    wait: Wait | None = None
    """Default: the submission is answered at once, with the summary."""
    hold: f.Flag | None = None
    """A draft: nothing of it begins before it is released. Default: it begins at once."""
    start_at: f.Moment | None = None
    """Nothing of it begins before this time, with its offset. Default: it begins at once."""
    deadline: f.Moment | None = None
    """It fails if it has not ended by this time, whatever it does. Default: never."""
    reuse: ReuseOrFlag = None
    """Whether a job that does the same work answers the submission instead of a new one: `true`, or
    which jobs will do. Default: every submission is a new job."""
    submit_id: f.SubmitId | None = None
    """The same as the header `Idempotency-Key`: submitted again with it, the job is not made
    again."""

    @model_validator(mode="after")
    def _times_fit(self) -> "JobSpec":
        refuse(list(self._breaches()))
        return self

    def _breaches(self) -> Iterator[Breach]:
        if self.hold and self.wait:
            yield Breach(("wait",), "can't be combined with hold: a held job waits for its release")
        if self.hold and self.reuse:
            yield Breach(
                ("reuse",), "can't be combined with hold: a draft can still become another job"
            )
        start_at, deadline = self.start_at, self.deadline
        if start_at and deadline and parse_moment(deadline) <= parse_moment(start_at):
            yield Breach(("deadline",), f"must be after startAt, {start_at}", deadline)


class ScheduledJobSpec(SubmittedJob):
    """A job that is started by a schedule."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "wait": "is only for POST /jobs: a scheduled job starts later",
        "hold": "is only for POST /jobs: pause the schedule instead",
        "startAt": "is only for POST /jobs: it is part of schedule here",
        "deadline": "is only for POST /jobs: see timeout",
        "submitId": "is only for POST /jobs: see the header Idempotency-Key",
        "template": "must be the tag of a template, such as thumbs@1",
    }

    schedule: Schedule
    """When it is started."""
    reuse: ReuseOfTasks | None = None
    """Whether its tasks end as others that have done the same work, such as those of an earlier
    run. Each run is a job of its own all the same. Default: each task says so itself."""


JobSpec.model_rebuild()  # now, not while the first submission waits
