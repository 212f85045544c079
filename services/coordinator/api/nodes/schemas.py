"""What is answered of workers, and what may be asked of them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.coordinator.api.replies import Answer
from services.coordinator.api.requests import Query

_LONGEST_MESSAGE = 1000


class NodeResources(Answer):
    """An amount of each resource."""

    cpus: float
    """In processors: 0.5 is half of one."""
    memory: int
    """In bytes."""
    disk: int
    """In bytes."""
    gpus: int
    """How many."""


class NodeGpu(Answer):
    """A GPU of the machine."""

    index: str
    """How its vendor's tools number it."""
    name: str
    """Its model."""
    memory: int
    """In bytes; 0 where it has none of its own."""


class Node(Answer):
    """A worker."""

    id: str
    """New with each start of the worker."""
    name: str
    """From the worker's settings; by default its host name."""
    started_at: datetime
    """When the worker started."""
    cpu_percent: float
    """Use of its machine's processors, 0 to 100."""
    last_heartbeat_at: datetime
    """Its last sign of life."""
    queue: str
    """The queues it serves, each with how many tasks at once: `default:4,highcpu:2`."""
    status: Literal["UP", "DOWN", "OFFLINE"]
    """`OFFLINE`: it has left or fallen silent."""
    hostname: str
    """Its machine."""
    port: int
    """Where it serves `/health` and `/metrics`."""
    task_count: int
    """How many tasks it is running."""
    version: str
    """Of Conveyor."""
    membership: Literal["PENDING", "APPROVED", "REJECTED"]
    """Only an approved worker gets tasks. `PENDING`: it waits for approval."""
    availability: Literal["active", "cordoned", "draining"]
    """`cordoned`: it gets no new tasks; `draining`: and what is placed on it moves elsewhere."""
    message: str | None = None
    """Why, by who changed it last."""
    changed_by: str | None = None
    """Who changed membership or availability last; empty where nobody is asked who they are."""
    changed_at: datetime | None = None
    """When that was."""
    held_until: datetime | None = None
    """It is on hold after failures, and gets no new tasks until then."""
    hold_reason: str | None = None
    """What failed there, and how often."""
    labels: dict[str, str]
    """What the constraints of placed tasks ask for."""
    engines: list[str]
    """What it can run tasks on now: `docker`, `podman`, `shell`, `builtin`, `wasm`."""
    storages: list[str]
    """Which kinds of `sources` it can bring."""
    publishers: list[str]
    """Which kinds of `publish` it can do."""
    gpus: list[NodeGpu]
    """Of its machine."""
    capacity: NodeResources
    """What it gives to tasks."""
    free: NodeResources
    """What of that nothing holds."""
    executions: int
    """How many executions are placed on it."""
    max_executions: int
    """How many may be."""


class NodeTask(Answer):
    """A task that holds a worker."""

    id: str
    """Of this attempt."""
    job_id: str
    """Whose it is."""
    name: str
    """From the job."""
    state: Literal["SCHEDULED", "RUNNING"]
    """`SCHEDULED`: placed there, and not yet claimed."""
    is_execution: bool
    """Whether it is one of a placed task, rather than one from a queue."""
    recall: str | None = None
    """Why the worker was asked to let go of it: `drain`, `update`, `scale`."""
    started_at: datetime | None = None
    """When it began to run."""
    held: NodeResources
    """What it holds."""


class NodeWithTasks(Node):
    """A worker with what holds it."""

    tasks: list[NodeTask]
    """What runs there, and what is placed there and will: of jobs that you may see, the first
    1,000."""


class NodeEvent(Answer):
    """Something that has become of a worker, or was said of it."""

    at: datetime
    """When."""
    event: Literal[
        "joined", "left", "lost", "approved", "rejected", "cordoned", "uncordoned", "draining"
    ]
    """`left`: it said so; `lost`: it fell silent. `approved` and those after it were said by an
    administrator."""
    node_id: str | None = None
    """Which start of the worker; left out for what holds for the name."""
    by: str | None = None
    """Which administrator; empty where nobody is asked who they are."""
    message: str | None = None
    """Why, by the administrator."""


class NodesQuery(Query):
    """Which workers."""

    labels: Annotated[
        str,
        Field(
            max_length=400,
            description="Only workers that this label selector matches, as in Kubernetes: "
            "`region=eu,tier in (a,b),gpu,!spot,cores>4`.",
        ),
    ] = ""
    membership: Annotated[
        Literal["", "PENDING", "APPROVED", "REJECTED"],
        Field(description="Only workers of this membership."),
    ] = ""
    availability: Annotated[
        Literal["", "active", "cordoned", "draining"],
        Field(description="Only workers of this availability."),
    ] = ""
    status: Annotated[
        Literal["", "UP", "OFFLINE"],
        Field(
            description="Only workers that are up, or all that are known and offline. Default: "
            "those seen within the last five minutes."
        ),
    ] = ""


class NodeNote(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )

    message: Annotated[str | None, Field(max_length=_LONGEST_MESSAGE)] = None
    """Why: answers show it until the next change."""
