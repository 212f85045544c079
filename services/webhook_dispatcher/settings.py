"""The settings of a webhook dispatcher."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from services.webhook_dispatcher.health import HealthRules
from services.webhook_dispatcher.receivers import Limits
from services.webhook_dispatcher.retries import RetryPlan, parse_delays
from shared.network.guard import Guard, parse_networks, parse_ports
from shared.process.extensions import Group, check_listed
from shared.process.settings.blocks import Block, HealthSettings, listed
from shared.process.settings.loading import DatabaseServiceSettings
from shared.process.signing import read_secrets

_ALLOWED_NETWORKS = "CONVEYOR_WEBHOOK_ALLOWED_NETWORKS"


def _signing_secrets(text: SecretStr) -> SecretStr:
    read_secrets(text.get_secret_value())
    return text


def _proxy_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if text and not text.startswith("http://"):
        raise ValueError("must start with http://")
    return url


def _checked_by(parse: Callable[[tuple[str, ...]], object]) -> Callable[[str], str]:
    def check(text: str) -> str:
        parse(listed(text))
        return text

    return check


class WebhookSettings(Block):
    signing_secret: Annotated[SecretStr, AfterValidator(_signing_secrets)] = Field(
        SecretStr(""),
        description="Secret that signs the requests of jobs' webhooks without a `secret` by "
        "Standard Webhooks: `whsec_` and the base64 of 24 to 64 random bytes. Several secrets, "
        "comma-separated: each adds a signature. Empty: no signature.",
    )
    allowed_networks: Annotated[str, AfterValidator(_checked_by(parse_networks))] = Field(
        "",
        description="Networks that webhooks may call although they aren't part of the public "
        "internet, comma-separated: `10.1.0.0/16,fd00:1::/64`. Webhooks to other private, "
        "loopback, link-local and special-purpose addresses are refused.",
    )
    allowed_ports: Annotated[str, AfterValidator(_checked_by(parse_ports))] = Field(
        "",
        description="Ports that webhooks may call, comma-separated: `443,8000-8999`. Empty: all.",
    )
    proxy: Annotated[SecretStr, AfterValidator(_proxy_url)] = Field(
        SecretStr(""),
        description="HTTP proxy of all webhooks: `http://user:password@proxy:3128`. It resolves "
        "names, so it must refuse addresses inside your network. Empty: none.",
    )
    connect_timeout_seconds: float = Field(
        5, gt=0, description="Time-out for the connection to a receiver, with DNS and TLS."
    )
    timeout_seconds: float = Field(
        15, gt=0, description="Time-out for a request, from the connection to the response."
    )
    concurrency: int = Field(400, ge=1, description="Maximum number of concurrent requests.")
    concurrency_per_receiver: int = Field(
        10,
        ge=1,
        description="Maximum number of concurrent requests to a receiver (scheme, host and port). "
        "A receiver that has not answered yet, or that failed last, gets one at a time.",
    )
    failures_to_pause: int = Field(
        5,
        ge=1,
        description="Failures in a row after which a receiver gets no request for 5 s, then 10 s "
        "and so on: a time-out, no connection, 408, 425, 429 or 5xx.",
    )
    longest_pause_seconds: float = Field(
        60, gt=0, description="Maximum of these pauses. Requests that wait for one use no retry."
    )
    round_seconds: float = Field(
        5,
        gt=0,
        description="Interval of the search for deliveries that a lost message or a crashed "
        "dispatcher left behind.",
    )
    retry_delays: Annotated[str, AfterValidator(_checked_by(parse_delays))] = Field(
        "5s,30s,2m,10m,30m,2h,5h,10h",
        description="Delays before each repetition of a failed request, comma-separated, each "
        "20 % longer or shorter by chance. Empty: no repetition.",
    )

    failing_after_minutes: float = Field(
        10,
        ge=0,
        description="Time without a successful request after which an endpoint is announced as "
        "failing (`endpoint.Failing`).",
    )
    disable_after_days: float = Field(
        5,
        gt=0,
        description="Time without a successful request after which an endpoint is disabled "
        "(`endpoint.Disabled`).",
    )

    @property
    def guard(self) -> Guard:
        networks, ports = listed(self.allowed_networks), listed(self.allowed_ports)
        return Guard(parse_networks(networks), parse_ports(ports), _ALLOWED_NETWORKS)

    @property
    def limits(self) -> Limits:
        return Limits(
            self.concurrency,
            self.concurrency_per_receiver,
            self.failures_to_pause,
            self.longest_pause_seconds,
        )

    @property
    def retry_plan(self) -> RetryPlan:
        return RetryPlan(parse_delays(listed(self.retry_delays)))

    @property
    def health_rules(self) -> HealthRules:
        return HealthRules(
            timedelta(minutes=self.failing_after_minutes), timedelta(days=self.disable_after_days)
        )


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
