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
        description="Signs each call as Standard Webhooks has it: `whsec_` and the base64 of 24 to "
        "64 random bytes. Several, separated by commas, sign side by side. Empty: no signature.",
    )
    timeout_seconds: float = Field(10, gt=0, description="How long a receiver may take to answer.")
    concurrency: int = Field(100, ge=1, description="How many calls are made at once.")
    round_seconds: float = Field(
        5,
        gt=0,
        description="How often calls are looked for that a lost message or a dead dispatcher has "
        "left behind.",
    )
    max_attempts: int = Field(
        25, ge=1, description="After this many failed calls a delivery is given up."
    )

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        return read_secrets(self.signing_secret.get_secret_value())


def _known_listeners(names: str) -> str:
    return check_listed(Group.EVENT_LISTENERS, names)


class ListenerSettings(Block):
    names: Annotated[str, AfterValidator(_known_listeners)] = Field(
        "",
        description="The event listeners, of those that installed packages add, that are told of "
        "every change, separated by commas. A new one is told of what happens from then on; one "
        "that was there before goes on where it was.",
    )

    @property
    def name_list(self) -> tuple[str, ...]:
        return listed(self.names)


class DispatcherSettings(DatabaseServiceSettings):
    health: HealthSettings = HealthSettings(address="127.0.0.1:8003")
    webhook: WebhookSettings = WebhookSettings()
    listeners: ListenerSettings = ListenerSettings()
