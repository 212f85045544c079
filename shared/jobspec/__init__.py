"""What a client may submit: the job language in YAML and JSON, every rule and every message."""

from shared.jobspec.durations import format_duration, parse_duration
from shared.jobspec.fields import OWN_SECRETS
from shared.jobspec.models import (
    AutoDelete,
    Defaults,
    JobSpec,
    Limits,
    Registry,
    Retry,
    TaskEntry,
    Wait,
    Webhook,
)
from shared.jobspec.parsing import JSON_TYPES, YAML_TYPES, parse_job
from shared.jobspec.problems import InvalidJob, Problem
from shared.jobspec.sizes import parse_cpus, parse_memory

__all__ = [
    "JSON_TYPES",
    "OWN_SECRETS",
    "YAML_TYPES",
    "AutoDelete",
    "Defaults",
    "InvalidJob",
    "JobSpec",
    "Limits",
    "Problem",
    "Registry",
    "Retry",
    "TaskEntry",
    "Wait",
    "Webhook",
    "format_duration",
    "parse_cpus",
    "parse_duration",
    "parse_job",
    "parse_memory",
]
