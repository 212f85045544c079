"""What a task is: every job language compiles into it, and a worker reads nothing else."""

from conveyor.extensions.tasks import Builtin, Network, Port, Wasm
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
    EXIT_CODE,
    STDERR,
    STDOUT,
    Artifact,
    Partition,
    Publication,
    S3Object,
    Source,
    TakenArtifact,
    TakenChild,
)
from shared.definition.graph import Graph, task_graph
from shared.definition.parts import (
    aux_tasks,
    changed,
    has_placement,
    keeps_files,
    map_aux_tasks,
    map_parts,
    reusing,
)
from shared.definition.placement import (
    Constraint,
    Execution,
    Placement,
    Preference,
    Resources,
    UpdatePolicy,
)
from shared.definition.quantities import Amount, Duration, span_of
from shared.definition.references import Named, Reference, TaskList, parse_reference
from shared.definition.spawning import (
    PARAMETERS_NAME,
    SPAWN_DIR,
    SPAWN_DIRECTORIES,
    TASKS_NAME,
    Spawning,
)
from shared.definition.types import (
    DEFAULT_GRACE_SECONDS,
    SHARED_CACHE,
    TEMPORARY_EXIT_CODE,
    USER_CACHE,
    AuxTask,
    Composite,
    Defaults,
    Each,
    JobDefinition,
    Limits,
    Parallel,
    Permission,
    Probe,
    Retry,
    Reuse,
    Sidecar,
    Spawn,
    Stages,
    SubJobDefinition,
    TaskDefinition,
    TemplateUse,
    Webhook,
)
