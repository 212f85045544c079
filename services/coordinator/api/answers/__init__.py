"""What the API answers, as models: Tork's names on the wire, empty fields left out."""

from services.coordinator.api.answers.access import Key, NewKeyShown, Role, User
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
)
from services.coordinator.api.answers.submitted import (
    AutoDeleteView,
    AuxTaskView,
    DefaultsView,
    LimitsView,
    MountView,
    PermissionView,
    ProbeView,
    RegistryView,
    RetryView,
    SidecarView,
    WebhookView,
)
from services.coordinator.api.answers.tasks import EachView, ParallelView, SubjobView, Task

__all__ = [
    "Answer",
    "AutoDeleteView",
    "AuxTaskView",
    "Context",
    "DefaultsView",
    "EachView",
    "Error",
    "Health",
    "Job",
    "JobMetrics",
    "JobPage",
    "JobSummary",
    "Key",
    "LimitsView",
    "LogPage",
    "LogPart",
    "MetricsView",
    "MountView",
    "NewKeyShown",
    "Node",
    "NodeMetrics",
    "PageOf",
    "ParallelView",
    "PermissionView",
    "ProbeView",
    "Queue",
    "RegistryView",
    "RetryView",
    "Role",
    "SidecarView",
    "Status",
    "SubjobView",
    "Task",
    "TaskMetrics",
    "User",
    "WebhookView",
]
