"""The settings of a webhook dispatcher."""

from pydantic import Field

from shared.process.blocks import (
    Block,
    BrokerSettings,
    HealthSettings,
    LogSettings,
    PostgresSettings,
    SealingSettings,
)
from shared.process.settings import Settings


class WebhookSettings(Block):
    timeout_seconds: float = Field(10, gt=0, description="How long a receiver may take to answer.")
    concurrency: int = Field(20, ge=1, description="How many calls are made at once.")
    round_seconds: float = Field(1, gt=0, description="How often due deliveries are looked for.")
    max_attempts: int = Field(
        25, ge=1, description="After this many failed calls a delivery is given up."
    )


class DispatcherSettings(Settings):
    log: LogSettings = LogSettings()
    health: HealthSettings = HealthSettings(address="127.0.0.1:8003")
    broker: BrokerSettings
    postgres: PostgresSettings
    encryption: SealingSettings = SealingSettings()
    webhook: WebhookSettings = WebhookSettings()
