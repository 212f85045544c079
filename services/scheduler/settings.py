"""The settings of a scheduler."""

from datetime import timedelta

from pydantic import Field

from shared.process.settings.blocks import (
    Block,
    HealthSettings,
)
from shared.process.settings.loading import DatabaseServiceSettings


class ScheduleSettings(Block):
    round_seconds: float = Field(
        1,
        gt=0,
        le=3,  # a longer gap is taken for a frozen process: see LivenessGuard
        description="How often due retries, time-outs and lost workers are looked for.",
    )
    timeout_grace_seconds: float = Field(
        10,
        gt=0,
        description="How long after its time-out a task is ended here, if its worker hasn't.",
    )
    resend_after_seconds: float = Field(
        30,
        gt=0,
        description="A task that has waited this long on a queue that is empty is sent again.",
    )
    liveness_grace_seconds: float = Field(
        35,
        gt=0,
        description="After a start or an outage, no worker is taken for lost for this long: its "
        "heartbeats may still be on their way. At least the workers' lease.",
    )

    @property
    def timeout_grace(self) -> timedelta:
        return timedelta(seconds=self.timeout_grace_seconds)

    @property
    def resend_after(self) -> timedelta:
        return timedelta(seconds=self.resend_after_seconds)


class RetentionSettings(Block):
    round_seconds: float = Field(5, gt=0, description="How often expired jobs are deleted.")
    logs_days: float = Field(7, gt=0, description="Log parts older than this are deleted.")
    events_days: float = Field(
        7, gt=0, description="Events older than this are deleted: no stream reaches further back."
    )
    jobs_days: float = Field(365, gt=0, description="Ended jobs older than this are deleted.")
    idempotency_keys_hours: float = Field(
        24,
        gt=0,
        description="For how long a job that is submitted again with the same `Idempotency-Key` is "
        "known to be the same.",
    )
    nodes_days: float = Field(
        7,
        gt=0,
        description="Workers that have been silent for this long are forgotten: what they left on "
        "an engine is from then on taken for another system's, and not removed.",
    )


class SchedulerSettings(DatabaseServiceSettings):
    health: HealthSettings = HealthSettings(address="127.0.0.1:8002")
    schedule: ScheduleSettings = ScheduleSettings()
    retention: RetentionSettings = RetentionSettings()
