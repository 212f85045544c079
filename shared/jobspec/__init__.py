"""What a client may submit: the job language in YAML and JSON, every rule and every message."""

from shared.definition.durations import format_duration, parse_duration
from shared.definition.sizes import parse_cpus, parse_memory
from shared.jobspec.fields import OWN_SECRETS
from shared.jobspec.problems import InvalidJob, Problem
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.models import (
    AutoDelete,
    Defaults,
    Each,
    InnerTask,
    JobFields,
    JobSpec,
    Limits,
    Parallel,
    Permission,
    Registry,
    Retry,
    Schedule,
    ScheduledJobSpec,
    Subjob,
    SubjobTask,
    SubmittedJob,
    TaskEntry,
    Wait,
    Webhook,
)
from shared.jobspec.tork.parsing import JSON_TYPES, YAML_TYPES, parse_job, parse_scheduled_job

__all__ = [
    "JSON_TYPES",
    "OWN_SECRETS",
    "YAML_TYPES",
    "AutoDelete",
    "Defaults",
    "Each",
    "InnerTask",
    "InvalidJob",
    "JobFields",
    "JobSpec",
    "Limits",
    "Parallel",
    "Permission",
    "Problem",
    "Registry",
    "Retry",
    "Schedule",
    "ScheduledJobSpec",
    "Subjob",
    "SubjobTask",
    "SubmittedJob",
    "TaskEntry",
    "Wait",
    "Webhook",
    "compile_job",
    "format_duration",
    "parse_cpus",
    "parse_duration",
    "parse_job",
    "parse_memory",
    "parse_scheduled_job",
]
