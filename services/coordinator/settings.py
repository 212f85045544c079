"""The settings of a coordinator."""

from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
)

from services.coordinator.auth_settings import AuthSettings, CorsSettings
from shared.files.settings import FilesSettings
from shared.jobspec.bacalhau.settings import BacalhauSettings
from shared.jobspec.limits import MAX_WEBHOOKS
from shared.process.extensions import Group, check_listed
from shared.process.settings.blocks import (
    Address,
    Block,
    CostSettings,
    ListeningBlock,
    listed,
)
from shared.process.settings.loading import DatabaseServiceSettings


def _known_port(address: str) -> str:
    if address.endswith(":0"):
        raise ValueError("must name a port that clients can know, not 0")
    return address


def _known_middlewares(names: str) -> str:
    return check_listed(Group.API_MIDDLEWARES, names)


class ApiSettings(ListeningBlock):
    address: Annotated[Address, AfterValidator(_known_port)] = Field(
        "127.0.0.1:8000",
        description="Listen address of the HTTP API. Addresses other than localhost require "
        "authentication: see CONVEYOR_AUTH_TYPE.",
    )
    body_limit_bytes: int = Field(
        500 * 1024, gt=0, description="Maximum size of a request body. Larger requests return 413."
    )
    head_timeout_seconds: float = Field(
        10,
        gt=0,
        description="Maximum time between the start of a request and the end of its headers. Then "
        "the connection is closed.",
    )
    body_timeout_seconds: float = Field(
        30,
        gt=0,
        description="Maximum time for receiving the body of a request. Slower requests return 408.",
    )
    idle_timeout_seconds: float = Field(
        75,
        gt=0,
        description="How long a connection without requests stays open. A reverse proxy should "
        "close its own connections earlier.",
    )
    connections: int = Field(
        1000,
        gt=0,
        description="Maximum number of open connections, event streams included; fewer if the "
        "process cannot open that many files. Beyond it, idle connections are closed for "
        "new ones; if all are busy, requests except `/health` return 503.",
    )
    connections_per_address: int = Field(
        500,
        gt=0,
        description="The same for each client address. Behind a reverse proxy all clients share "
        "one address: set it to CONVEYOR_API_CONNECTIONS.",
    )
    streams: int = Field(
        500,
        gt=0,
        description="Maximum number of open event and log streams. Further ones return 503 with "
        "`Retry-After`.",
    )
    transfers: int = Field(
        100,
        gt=0,
        description="Maximum number of files that clients upload or download at the same time, "
        "half of it for one user or key; the same for the workers, where the coordinator serves "
        "the store. Further ones return 503 with `Retry-After`.",
    )
    upload_limit_bytes: int = Field(
        100 * 1024**3,
        gt=0,
        description="Maximum size of an uploaded file, and of a file that a worker sends to the "
        "coordinator's store. Larger ones return 413.",
    )
    webhooks_per_job: int = Field(
        20,
        ge=0,
        le=MAX_WEBHOOKS,
        description="Maximum number of webhooks of a job or sub-job. More return 400.",
    )
    webhook_endpoints: int = Field(
        100,
        ge=0,
        description="Maximum number of webhook endpoints of a user or of a key without a user. "
        "More return 400.",
    )
    submissions_at_once: int = Field(
        16,
        gt=0,
        description="Maximum number of submissions processed at the same time. Others wait, so "
        "that reads stay fast.",
    )
    submissions_waiting: int = Field(
        1000,
        ge=0,
        description="Maximum number of waiting submissions. Further ones return 503 with "
        "`Retry-After`.",
    )
    request_log: Literal["off", "debug", "info", "warning"] = Field(
        "info",
        description="Log level of requests. Requests to `/health` and `/metrics` are logged at "
        "`debug`.",
    )
    middlewares: Annotated[str, AfterValidator(_known_middlewares)] = Field(
        "",
        description="Extension middlewares to enable, comma-separated, outermost first. They run "
        "after authentication.",
    )

    @property
    def middleware_names(self) -> tuple[str, ...]:
        return listed(self.middlewares)

    @property
    def is_beyond_loopback(self) -> bool:
        if self.host == "localhost":
            return False
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:  # a name: where it leads may change
            return True


class RateSettings(Block):
    per_second: float = Field(
        0,
        ge=0,
        description="Maximum average number of requests per second of a user, a key or, without "
        "authentication, an address, on each coordinator. Further ones return 429. 0: "
        "unlimited.",
    )
    burst: int = Field(50, ge=1, description="Maximum burst.")


class ArvadosSettings(Block):
    repositories: str = Field(
        "",
        description="Directory with the git repositories whose scripts jobs of Arvados may run: "
        "`NAME.git`, or `NAME` with a `.git`. Empty: none.",
    )


class EndpointSettings(Block):
    jobs: bool = Field(True, description="Serve `/jobs`. Disabled endpoints return 404.")
    tasks: bool = Field(True, description="Serve `/tasks`.")
    schedules: bool = Field(True, description="Serve `/scheduled-jobs`.")
    templates: bool = Field(True, description="Serve `/templates`.")
    webhooks: bool = Field(True, description="Serve `/webhooks`.")
    events: bool = Field(True, description="Serve the event streams.")
    queues: bool = Field(True, description="Serve `/queues` and `/dead-letters`.")
    nodes: bool = Field(True, description="Serve `/nodes`.")
    metrics: bool = Field(True, description="Serve `/metrics`.")
    health: bool = Field(True, description="Serve `/health`. It requires no credentials.")
    users: bool = Field(True, description="Serve `/users` and `/roles`.")
    keys: bool = Field(True, description="Serve `/keys`.")
    session: bool = Field(
        True, description="Serve `/session` and `/sessions`: who asks, and sign-ins of the page."
    )
    secrets: bool = Field(True, description="Serve `/secrets`.")
    files: bool = Field(True, description="Serve `/jobs/{id}/files` and `/uploads`.")
    objects: bool = Field(
        True,
        description="Serve `/objects` to workers, where the store is a directory of the "
        "coordinator. It requires signed links, no credentials.",
    )
    bacalhau: bool = Field(
        True,
        description="Serve Bacalhau's API below `/api/v1`. Only its routes for "
        "liveness, version and authentication methods require no credentials.",
    )
    bytenite: bool = Field(True, description="Serve ByteNite's API below `/v1`.")
    arvados: bool = Field(
        True,
        description="Serve Arvados' API below `/arvados/v1`. Its discovery document requires no "
        "credentials.",
    )
    page: bool = Field(
        True,
        description="Serve the page at `/` and `/ui`. Its files require no credentials; what it "
        "shows requires a sign-in.",
    )
    docs: bool = Field(
        True,
        description="Serve `/docs` and `/openapi.json`. They require no credentials.",
    )


class HttpSettings(Block):
    """All that shapes the HTTP door."""

    api: ApiSettings = ApiSettings()
    auth: AuthSettings = AuthSettings()
    cors: CorsSettings = CorsSettings()
    rate: RateSettings = RateSettings()
    endpoints: EndpointSettings = EndpointSettings()
    bacalhau: BacalhauSettings = BacalhauSettings()
    arvados: ArvadosSettings = ArvadosSettings()


class CoordinatorSettings(DatabaseServiceSettings):
    api: ApiSettings = ApiSettings()
    auth: AuthSettings = AuthSettings()
    cors: CorsSettings = CorsSettings()
    rate: RateSettings = RateSettings()
    endpoints: EndpointSettings = EndpointSettings()
    bacalhau: BacalhauSettings = BacalhauSettings()
    arvados: ArvadosSettings = ArvadosSettings()
    files: FilesSettings = FilesSettings()
    cost: CostSettings = CostSettings()

    @property
    def http(self) -> HttpSettings:
        return HttpSettings.model_validate(self, from_attributes=True)

    @field_validator("auth")
    @classmethod
    def _is_protected(cls, auth: AuthSettings, info: ValidationInfo) -> AuthSettings:
        api = info.data.get("api")
        if isinstance(api, ApiSettings) and not (auth.is_on or auth.none_allowed):
            _require_loopback(api)
        return auth


def _require_loopback(api: ApiSettings) -> None:
    if api.is_beyond_loopback:
        raise ValueError(
            f"the API would be served beyond this machine (CONVEYOR_API_ADDRESS={api.address}), "
            "and without authentication everyone who reaches it may do everything: set "
            "CONVEYOR_AUTH_TYPE to key, basic or any, or CONVEYOR_AUTH_NONE_ALLOWED=true if that "
            "is meant"
        )
