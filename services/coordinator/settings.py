"""The settings of a coordinator."""

from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared.process.extensions import Group, check_listed
from shared.process.settings.blocks import (
    Address,
    Block,
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
        description="Where the HTTP API is served. Beyond this machine only with authentication: "
        "see CONVEYOR_AUTH_TYPE.",
    )
    body_limit_bytes: int = Field(
        500 * 1024, gt=0, description="A larger request body is refused with 413."
    )
    submissions_at_once: int = Field(
        16,
        gt=0,
        description="How many submissions are checked and stored at once. More wait for their "
        "turn, so that reads are answered meanwhile.",
    )
    submissions_waiting: int = Field(
        1000,
        ge=0,
        description="How many submissions may wait for their turn; one more is answered 503, with "
        "`Retry-After`.",
    )
    request_log: Literal["off", "debug", "info", "warning"] = Field(
        "info",
        description="The level of the line that each request writes to the log. Requests to "
        "`/health` and `/metrics` write theirs at `debug`.",
    )
    middlewares: Annotated[str, AfterValidator(_known_middlewares)] = Field(
        "",
        description="The middlewares, of those that installed packages add, that are around every "
        "request, separated by commas; the first is around the others. They run after "
        "authentication.",
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


class AuthSettings(Block):
    type: Literal["none", "basic", "key", "any"] = Field(
        "none",
        description="How clients authenticate. `basic`: user name and password (HTTP basic). "
        "`key`: an API key, as `X-API-Key` or `Authorization: Bearer`. `any`: one or the other. "
        "`none`: everyone who reaches the API may do everything.",
    )
    key: SecretStr = Field(
        SecretStr(""),
        description="A key of the operator's own that may do everything, beside those made with "
        "`POST /keys`. Empty: there is none.",
    )
    user: str = Field(
        "admin",
        min_length=1,
        pattern="^[^:\\x00]*$",  # HTTP basic ends the name there; Postgres has no NUL
        description="The name that goes with CONVEYOR_AUTH_PASSWORD.",
    )
    password: SecretStr = Field(
        SecretStr(""),
        description="The password of an operator who may do everything (HTTP basic), beside the "
        "users made with `POST /users`. Empty: there is none.",
    )
    none_allowed: bool = Field(
        False,
        description="Whether the API may be served beyond this machine with CONVEYOR_AUTH_TYPE "
        "`none`, and under any name: else it answers only requests to an address or to localhost, "
        "so that no page in a browser on this machine can have its own name lead to it.",
    )

    @property
    def is_on(self) -> bool:
        return self.type != "none"

    @property
    def takes_passwords(self) -> bool:
        return self.type in ("basic", "any")

    @property
    def takes_keys(self) -> bool:
        return self.type in ("key", "any")

    @model_validator(mode="after")
    def _takes_what_is_set(self) -> Self:
        if self.key.get_secret_value() and not self.takes_keys:
            raise ValueError(
                "a key is set (CONVEYOR_AUTH_KEY), but CONVEYOR_AUTH_TYPE is neither key nor any"
            )
        if self.password.get_secret_value() and not self.takes_passwords:
            raise ValueError(
                "a password is set (CONVEYOR_AUTH_PASSWORD), but CONVEYOR_AUTH_TYPE is neither "
                "basic nor any"
            )
        return self


class CorsSettings(Block):
    origins: str = Field(
        "",
        description="The origins whose pages may use the API from a browser, separated by commas, "
        "such as `https://ui.example.com`; `*` is any. Empty: none.",
    )
    methods: str = Field(
        "GET,HEAD,POST,PUT,DELETE", description="The methods that such pages may use."
    )
    headers: str = Field(
        "Authorization,Content-Type,Idempotency-Key,Last-Event-ID,X-API-Key,X-Request-Id",
        description="The request headers that such pages may send.",
    )
    credentials: bool = Field(
        False,
        description="Whether browsers may send the credentials they remember. Not with `*`.",
    )
    max_age_seconds: int = Field(
        600, ge=0, description="How long a browser may remember what it was allowed."
    )

    @property
    def is_on(self) -> bool:
        return bool(listed(self.origins))

    def allows(self, origin: str) -> bool:
        return bool({"*", origin} & set(listed(self.origins)))

    @property
    def method_list(self) -> tuple[str, ...]:
        return listed(self.methods)

    @property
    def header_list(self) -> tuple[str, ...]:
        return listed(self.headers)

    @model_validator(mode="after")
    def _credentials_have_origins(self) -> Self:
        if self.credentials and "*" in listed(self.origins):
            raise ValueError(
                "for credentials CONVEYOR_CORS_ORIGINS must name the origins: * is not enough"
            )
        return self


class RateSettings(Block):
    per_second: float = Field(
        0,
        ge=0,
        description="How many requests a second a user, a key, or without authentication an "
        "address may make of each coordinator in the long run; more are answered 429. 0: no limit.",
    )
    burst: int = Field(50, ge=1, description="How many it may make at once.")


class EndpointSettings(Block):
    jobs: bool = Field(True, description="Whether `/jobs` is served; what is off answers 404.")
    tasks: bool = Field(True, description="Whether `/tasks` is served.")
    schedules: bool = Field(True, description="Whether `/scheduled-jobs` is served.")
    events: bool = Field(True, description="Whether the streams of events are served.")
    queues: bool = Field(True, description="Whether `/queues` and `/dead-letters` are served.")
    nodes: bool = Field(True, description="Whether `/nodes` is served.")
    metrics: bool = Field(True, description="Whether `/metrics` is served.")
    health: bool = Field(True, description="Whether `/health` is served. It needs no credentials.")
    users: bool = Field(True, description="Whether `/users` and `/roles` are served.")
    keys: bool = Field(True, description="Whether `/keys` is served.")
    docs: bool = Field(
        True,
        description="Whether `/docs` and `/openapi.json` are served. They need no credentials.",
    )


class HttpSettings(Block):
    """All that shapes the HTTP door."""

    api: ApiSettings = ApiSettings()
    auth: AuthSettings = AuthSettings()
    cors: CorsSettings = CorsSettings()
    rate: RateSettings = RateSettings()
    endpoints: EndpointSettings = EndpointSettings()


class CoordinatorSettings(DatabaseServiceSettings):
    api: ApiSettings = ApiSettings()
    auth: AuthSettings = AuthSettings()
    cors: CorsSettings = CorsSettings()
    rate: RateSettings = RateSettings()
    endpoints: EndpointSettings = EndpointSettings()

    @property
    def http(self) -> HttpSettings:
        return HttpSettings(
            api=self.api,
            auth=self.auth,
            cors=self.cors,
            rate=self.rate,
            endpoints=self.endpoints,
        )

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
