"""The blocks of settings that several services share. A service's own blocks live with it."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from shared.process.sealing import check_keys


def listed(text: str) -> tuple[str, ...]:
    """A list as settings spell it, in one text with commas: `a, b` as ("a", "b")."""
    return tuple(filter(None, (part.strip() for part in text.split(","))))


class Block(BaseModel):
    """The base of every block. What is unknown in it is reported by `load`, with a guess."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=True)


def _url(*schemes: str) -> AfterValidator:
    starts = tuple(f"{scheme}://" for scheme in schemes)

    def check(url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(starts):
            raise ValueError(f"must start with {' or '.join(starts)}")
        return url

    return AfterValidator(check)


class LogSettings(Block):
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum log level."
    )
    format: Literal["auto", "console", "json"] = Field(
        "auto",
        description="Format of log lines. `auto`: `console` on a terminal, `json` elsewhere.",
    )


class BrokerSettings(Block):
    url: Annotated[SecretStr, _url("amqp", "amqps")] = Field(
        description="Address of RabbitMQ: `amqp://user:password@host:5672/vhost`, or `amqps://`."
    )
    queue_type: Literal["classic", "quorum"] = Field(
        "classic",
        description="Type of the queues, the same on all services. `quorum` replicates each "
        "queue; it supports task priority only on RabbitMQ 4.0 or newer, with two "
        "levels (0 to 4 and 5 to 9). An existing queue keeps its type until it is "
        "deleted.",
    )
    confirm_timeout_seconds: float = Field(
        10, gt=0, description="Time-out for the confirmation of a published message."
    )


class PostgresSettings(Block):
    dsn: Annotated[SecretStr, _url("postgresql", "postgres")] = Field(
        description="Address of Postgres: `postgresql://user:password@host:5432/database`."
    )
    migrate: bool = Field(
        True,
        description="Migrate the schema at start. Safe on several services at once. Off: run "
        "`conveyor migrate`.",
    )
    pool_max_connections: int = Field(
        10, ge=1, le=1000, description="Maximum number of connections of this process."
    )
    connect_timeout_seconds: float = Field(
        3, gt=0, description="Time-out for opening a connection."
    )
    command_timeout_seconds: float = Field(15, gt=0, description="Time-out for one statement.")


def _host_and_port(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be host:port, for instance 127.0.0.1:8001 or 0.0.0.0:8001")
    return address


Address = Annotated[str, AfterValidator(_host_and_port)]
"""`host:port`; an IPv6 host stands in brackets. Port 0 is any free port."""


class ListeningBlock(Block):
    """A block whose `address` is where something listens."""

    address: Address

    @property
    def host(self) -> str:
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


class HealthSettings(ListeningBlock):
    address: Address = Field(
        "127.0.0.1:8001", description="Listen address of `/health` and `/metrics`."
    )


class NodesSettings(Block):
    manual_approval: bool = Field(
        False,
        description="Workers with a name that was not seen before take no tasks until they are "
        "approved (`conveyor nodes approve`). The same on schedulers and workers.",
    )


Price = Annotated[Decimal, Field(ge=0, lt=10**9, max_digits=18)]


class CostSettings(Block):
    """The same on coordinators and schedulers."""

    price_per_cpu_second: Price = Field(
        Decimal(0),
        description="Price of a processor for a second. Decimal, such as `0.00025`; 0: free. Jobs "
        "keep the prices at which they were run. The same on coordinators and schedulers, as all "
        "of CONVEYOR_COST.",
    )
    price_per_gib_second: Price = Field(
        Decimal(0), description="Price of a GiB of memory for a second."
    )
    price_per_gpu_second: Price = Field(Decimal(0), description="Price of a GPU for a second.")
    unit: str = Field(
        "BYC",
        min_length=1,
        max_length=20,
        description="Unit of all amounts: a currency, or credits.",
    )
    wallet: bool = Field(
        False,
        description="Charge balances for jobs, and refuse jobs whose balance does not suffice. "
        "Off: amounts are information.",
    )
    grace_hours: float = Field(
        0,
        ge=0,
        description="Time in which jobs still start after the balance first did not suffice.",
    )
    dollars_per_unit: Price = Field(
        Decimal(1), description="Exchange rate that `/v1/wallet/exchange_rate` returns."
    )


class TracingSettings(Block):
    enabled: bool = Field(
        False,
        description="Export traces of jobs with OTLP over HTTP. The standard `OTEL_…` variables "
        "set the collector (`http://localhost:4318`) and the sampling: see "
        "docs/tracing.md.",
    )


class SealingSettings(Block):
    key: Annotated[SecretStr, AfterValidator(check_keys)] = Field(
        SecretStr(""),
        description="Encryption key for secrets in Postgres and in messages: 32 random bytes in "
        "URL-safe base64, the same on all services (`openssl rand -base64 32 | tr /+ "
        "_-`). Several keys, comma-separated: the first encrypts, all decrypt. Empty: "
        "secrets are stored unencrypted.",
    )

    @property
    def keys(self) -> tuple[str, ...]:
        """What a `Sealer` takes."""
        return listed(self.key.get_secret_value())
