"""The job language as models."""

from shared.jobspec.tork.models.containers import AuxTask, Mount, Probe, Sidecar
from shared.jobspec.tork.models.endpoints import EndpointChanges, EndpointSpec, SecretRotation
from shared.jobspec.tork.models.files import (
    Artifact,
    Publication,
    S3Source,
    S3Target,
    Source,
)
from shared.jobspec.tork.models.job_options import (
    AutoDelete,
    Permission,
    Wait,
    Webhook,
)
from shared.jobspec.tork.models.policies import Defaults, Limits, Registry, Retry, Spec
from shared.jobspec.tork.models.schedules import BackfillRange, CatchUp, Schedule, SchedulePreview
from shared.jobspec.tork.models.tasks import (
    Each,
    InnerTask,
    JobChanges,
    JobFields,
    JobSpec,
    Parallel,
    ScheduledJobSpec,
    Subjob,
    SubjobTask,
    SubmittedJob,
    TaskEntry,
    TaskFields,
)
