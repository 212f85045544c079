"""The job language as models."""

from shared.jobspec.models.containers import AuxTask, Mount, Probe, Sidecar
from shared.jobspec.models.job_options import (
    AutoDelete,
    Permission,
    Schedule,
    SubjobWebhook,
    Wait,
    Webhook,
)
from shared.jobspec.models.jobs import JobSpec, ScheduledJobSpec, SubmittedJob
from shared.jobspec.models.policies import Defaults, Limits, Registry, Retry
from shared.jobspec.models.spec import Spec
from shared.jobspec.models.tasks import (
    Each,
    InnerTask,
    JobFields,
    Parallel,
    Subjob,
    SubjobTask,
    TaskEntry,
    TaskFields,
)

__all__ = [
    "AutoDelete",
    "AuxTask",
    "Defaults",
    "Each",
    "InnerTask",
    "JobFields",
    "JobSpec",
    "Limits",
    "Mount",
    "Parallel",
    "Permission",
    "Probe",
    "Registry",
    "Retry",
    "Schedule",
    "ScheduledJobSpec",
    "Sidecar",
    "Spec",
    "Subjob",
    "SubjobTask",
    "SubjobWebhook",
    "SubmittedJob",
    "TaskEntry",
    "TaskFields",
    "Wait",
    "Webhook",
]
