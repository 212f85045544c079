"""What the API answers, as models: Tork's names on the wire, empty fields left out."""

from services.coordinator.api.answers.base import (
    Answer,
    Error,
    Health,
    PageOf,
    Status,
)
from services.coordinator.api.answers.cluster import (
    JobMetrics,
    MetricsView,
    Node,
    NodeMetrics,
    Queue,
    TaskMetrics,
)
from services.coordinator.api.answers.jobs import (
    Context,
    Job,
    JobPage,
    JobSummary,
    LogPage,
    LogPart,
    Task,
)
from services.coordinator.api.answers.submitted import (
    AutoDeleteView,
    DefaultsView,
    LimitsView,
    RegistryView,
    RetryView,
    WebhookView,
)

__all__ = [
    "Answer",
    "AutoDeleteView",
    "Context",
    "DefaultsView",
    "Error",
    "Health",
    "Job",
    "JobMetrics",
    "JobPage",
    "JobSummary",
    "LimitsView",
    "LogPage",
    "LogPart",
    "MetricsView",
    "Node",
    "NodeMetrics",
    "PageOf",
    "Queue",
    "RegistryView",
    "RetryView",
    "Status",
    "Task",
    "TaskMetrics",
    "WebhookView",
]
