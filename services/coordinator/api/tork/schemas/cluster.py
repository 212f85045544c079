"""Workers, queues and totals."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from services.coordinator.api.schemas import Answer


class Node(Answer):
    """A worker that has shown a sign of life within the last five minutes."""

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


class Queue(Answer):
    """What waits in the broker."""

    name: str
    """A task queue's, or one of Conveyor's own."""
    size: int
    """How many messages wait."""
    subscribers: int
    """How many consumers it has."""
    unacked: int = Field(ge=0)
    """How many tasks of a task queue are running; 0 for other queues."""


class JobMetrics(Answer):
    running: int
    """How many jobs are running."""


class TaskMetrics(Answer):
    running: int
    """How many tasks are running."""


class NodeMetrics(Answer):
    online: int
    """How many workers are up."""
    cpu_percent: float
    """Their mean processor use, 0 to 100."""


class MetricsView(Answer):
    jobs: JobMetrics
    """Of all jobs."""
    tasks: TaskMetrics
    """Of all tasks."""
    nodes: NodeMetrics
    """Of all workers."""
