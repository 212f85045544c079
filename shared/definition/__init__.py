"""What a task is: every job language compiles into it, and a worker reads nothing else."""

from shared.definition.codec import (
    Encoded,
    InvalidDefinition,
    decode_defaults,
    decode_job,
    decode_permissions,
    decode_task,
    decode_webhooks,
    encode,
    encode_all,
)
from shared.definition.files import (
    Artifact,
    Publication,
    S3Object,
    Source,
    TakenArtifact,
    TakenChild,
)
from shared.definition.graph import Graph, task_graph
from shared.definition.parts import aux_tasks, changed, keeps_files, map_aux_tasks, map_parts
from shared.definition.references import Named, Reference, TaskList, parse_reference
from shared.definition.types import (
    DEFAULT_GRACE_SECONDS,
    Amount,
    AuxTask,
    Composite,
    Defaults,
    Duration,
    Each,
    JobDefinition,
    Limits,
    Parallel,
    Permission,
    Probe,
    Retry,
    Sidecar,
    SubJobDefinition,
    TaskDefinition,
    Webhook,
    span_of,
)
