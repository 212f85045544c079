"""The settings of a scheduler."""

from pydantic import Field

from shared.files.settings import FilesSettings
from shared.process.settings.blocks import (
    Block,
    CostSettings,
    HealthSettings,
    NodesSettings,
)
from shared.process.settings.loading import DatabaseServiceSettings


class ScheduleSettings(Block):
    round_seconds: float = Field(
        1,
        gt=0,
        le=3,  # a longer gap is taken for a frozen process: see LivenessGuard
        description="Interval of the checks for due retries, time-outs and lost workers.",
    )
    timeout_grace_seconds: float = Field(
        20,
        gt=0,
        description="Time after the time-out of a task, and its `gracePeriod` if it has one, until "
        "the scheduler ends it, if its worker has not. More than the default `gracePeriod` (10 s).",
    )
    resend_after_seconds: float = Field(
        30,
        gt=0,
        description="Time that a task waits on an empty queue until its message is sent again.",
    )
    liveness_grace_seconds: float = Field(
        35,
        gt=0,
        description="Time after a start or an outage in which no worker is declared lost, because "
        "heartbeats can be delayed. At least the lease of the workers.",
    )


class PlacementSettings(Block):
    sweep_seconds: float = Field(
        30,
        gt=0,
        description="Longest interval of the search for nodes, which begins as soon as an "
        "execution waits, a worker joins or room becomes free.",
    )
    reserve_after_seconds: float = Field(
        300,
        ge=0,
        description="Time that an execution waits for room until the node that lacks the least is "
        "kept free for it, so that smaller ones cannot take the room first.",
    )


class RetentionSettings(Block):
    round_seconds: float = Field(5, gt=0, description="Interval of the deletion of expired jobs.")
    logs_days: float = Field(7, gt=0, description="Retention of logs.")
    events_days: float = Field(
        7, gt=0, description="Retention of events: event streams cannot start earlier."
    )
    webhooks_days: float = Field(
        7,
        gt=0,
        description="Retention of what was sent to webhooks, with the attempts, after it was "
        "delivered or given up.",
    )
    schedule_runs_days: float = Field(
        7, gt=0, description="Retention of the runs of schedules: which firings created a job."
    )
    jobs_days: float = Field(365, gt=0, description="Retention of ended jobs.")
    drafts_days: float = Field(
        7,
        gt=0,
        description="Retention of held jobs that are not released, from their submission, and of "
        "requests for containers that are not committed, from their last change.",
    )
    idempotency_keys_hours: float = Field(
        24,
        gt=0,
        description="Retention of idempotency keys: how long a repeated submission returns the "
        "same job.",
    )
    uploads_hours: float = Field(
        24, gt=0, description="Retention of uploads that no job or schedule uses."
    )
    sweep_seconds: float = Field(
        3600,
        gt=0,
        description="Interval of the sweep of the file store: what interrupted uploads left, and "
        "unused uploads.",
    )
    nodes_days: float = Field(
        7,
        gt=0,
        description="Retention of silent workers. What a forgotten worker left on an engine is "
        "not removed, because it can belong to another system.",
    )


class HistorySettings(Block):
    sample_seconds: float = Field(
        15,
        ge=1,
        le=60,  # THINNED has several of them
        description="Interval of the samples of queues and throughput. After 6 h five minutes "
        "become one sample.",
    )
    days: float = Field(14, gt=0, description="Retention of the samples.")


class SchedulerSettings(DatabaseServiceSettings):
    health: HealthSettings = HealthSettings(address="127.0.0.1:8002")
    schedule: ScheduleSettings = ScheduleSettings()
    placement: PlacementSettings = PlacementSettings()
    retention: RetentionSettings = RetentionSettings()
    history: HistorySettings = HistorySettings()
    files: FilesSettings = FilesSettings()
    nodes: NodesSettings = NodesSettings()
    cost: CostSettings = CostSettings()
