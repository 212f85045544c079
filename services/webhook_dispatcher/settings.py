"""The settings of a webhook dispatcher."""

from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from services.webhook_dispatcher.requests import read_secrets
from shared.process.extensions import Group, check_listed
from shared.process.settings.blocks import Block, HealthSettings
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


class ListenerSettings(Block):
    names: Annotated[str, AfterValidator(partial(check_listed, Group.EVENT_LISTENERS))] = Field(
        "",
        description="Extension event listeners to enable, comma-separated. A new listener starts "
        "with the changes that follow; a known one continues where it stopped.",
    )


class DispatcherSettings(DatabaseServiceSettings):
    health: HealthSettings = HealthSettings(address="127.0.0.1:8003")
    webhook: WebhookSettings = WebhookSettings()
    listeners: ListenerSettings = ListenerSettings()
