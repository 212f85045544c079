"""The job language as models."""

from shared.jobspec.tork.models.containers import AuxTask, Mount, Probe, Sidecar
from shared.jobspec.tork.models.endpoints import EndpointChanges, EndpointSpec, SecretRotation
from shared.jobspec.tork.models.files import (
    Artifact,
    Partition,
    Publication,
    S3Source,
    S3Target,
    Source,
)
from shared.jobspec.tork.models.job_options import (
    AutoDelete,
    JobFields,
    Permission,
    Reuse,
    ReuseOfTasks,
    Wait,
    Webhook,
)
from shared.jobspec.tork.models.jobs import JobChanges, JobSpec, ScheduledJobSpec, SubmittedJob
from shared.jobspec.tork.models.placement import (
    Constraint,
    Network,
    Placement,
    Port,
    Preference,
    Resources,
    UpdatePolicy,
    Wasm,
)
from shared.jobspec.tork.models.policies import (
    Defaults,
    Limits,
    Registry,
    Retry,
    Spec,
    Tolerance,
)
from shared.jobspec.tork.models.schedules import (
    BackfillRange,
    CatchUp,
    Schedule,
    SchedulePreview,
    TriggerRequest,
)
from shared.jobspec.tork.models.tasks import (
    Each,
    InnerTask,
    Parallel,
    Params,
    Partitioned,
    Spawn,
    StageTask,
    Subjob,
    SubjobTask,
    TaskEntry,
    TaskFields,
)
from shared.jobspec.tork.models.templates import (
    ScheduledTemplate,
    TemplateHead,
    TemplateInput,
    TemplateRun,
    TemplateSpec,
)
