"""The settings of a webhook dispatcher."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from services.webhook_dispatcher.headers import read_secrets
from shared.process.extensions import Group, check_listed
from shared.process.settings.blocks import (
    Block,
    HealthSettings,
    listed,
)
from shared.process.settings.loading import DatabaseServiceSettings


def _signing_secrets(text: SecretStr) -> SecretStr:
    read_secrets(text.get_secret_value())
    return text


class WebhookSettings(Block):
    signing_secret: Annotated[SecretStr, AfterValidator(_signing_secrets)] = Field(
        SecretStr(""),
        description="Secret that signs requests according to Standard Webhooks: `whsec_` and the "
        "base64 of 24 to 64 random bytes. Several secrets, comma-separated: each adds "
        "a signature. Empty: no signature.",
    )
    timeout_seconds: float = Field(10, gt=0, description="Time-out for the response of a receiver.")
    concurrency: int = Field(100, ge=1, description="Maximum number of concurrent requests.")
    round_seconds: float = Field(
        5,
        gt=0,
        description="Interval of the search for deliveries that a lost message or a crashed "
        "dispatcher left behind.",
    )
    max_attempts: int = Field(25, ge=1, description="Maximum number of attempts for a delivery.")

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        return read_secrets(self.signing_secret.get_secret_value())


def _known_listeners(names: str) -> str:
    return check_listed(Group.EVENT_LISTENERS, names)


class ListenerSettings(Block):
    names: Annotated[str, AfterValidator(_known_listeners)] = Field(
        "",
        description="Extension event listeners to enable, comma-separated. A new listener starts "
        "with the changes that follow; a known one continues where it stopped.",
    )

    @property
    def name_list(self) -> tuple[str, ...]:
        return listed(self.names)


class DispatcherSettings(DatabaseServiceSettings):
    health: HealthSettings = HealthSettings(address="127.0.0.1:8003")
    webhook: WebhookSettings = WebhookSettings()
    listeners: ListenerSettings = ListenerSettings()
