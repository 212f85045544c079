"""The settings of a coordinator."""

from typing import Annotated

from pydantic import AfterValidator, Field

from shared.process.blocks import (
    Address,
    BrokerSettings,
    ListeningBlock,
    LogSettings,
    PostgresSettings,
    SealingSettings,
)
from shared.process.settings import Settings


def _known_port(address: str) -> str:
    if address.endswith(":0"):
        raise ValueError("must name a port that clients can know, not 0")
    return address


class ApiSettings(ListeningBlock):
    address: Annotated[Address, AfterValidator(_known_port)] = Field(
        "127.0.0.1:8000", description="Where the HTTP API is served."
    )
    body_limit_bytes: int = Field(
        500 * 1024, gt=0, description="A larger request body is refused with 413."
    )


class CoordinatorSettings(Settings):
    log: LogSettings = LogSettings()
    api: ApiSettings = ApiSettings()
    broker: BrokerSettings
    postgres: PostgresSettings
    encryption: SealingSettings = SealingSettings()
