"""What jobs are built of. Fields are those of the job language, in snake case.

Job(name="hello", tasks=[Task(name="say", run="echo hello")])
"""

from conveyor.models import (
    Artifact,
    AutoDelete,
    AuxTask,
    CatchUp,
    Defaults,
    Each,
    Limits,
    Mount,
    Parallel,
    Permission,
    Probe,
    Publication,
    Registry,
    Retry,
    S3Source,
    S3Target,
    Schedule,
    Sidecar,
    Source,
    Subjob,
    Wait,
    Webhook,
)
from conveyor.models import JobSpec as Job
from conveyor.models import ScheduledJobSpec as ScheduledJob
from conveyor.models import TaskEntry as Task

__all__ = [
    "Artifact",
    "AutoDelete",
    "AuxTask",
    "CatchUp",
    "Defaults",
    "Each",
    "Job",
    "Limits",
    "Mount",
    "Parallel",
    "Permission",
    "Probe",
    "Publication",
    "Registry",
    "Retry",
    "S3Source",
    "S3Target",
    "Schedule",
    "ScheduledJob",
    "Sidecar",
    "Source",
    "Subjob",
    "Task",
    "Wait",
    "Webhook",
]
