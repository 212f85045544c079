"""The settings of who may use the API, and from which pages."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared.process.settings.blocks import Block, listed


class AuthSettings(Block):
    type: Literal["none", "basic", "key", "any"] = Field(
        "none",
        description="Authentication of clients. `basic`: user name and password (HTTP basic). "
        "`key`: an API key, as `X-API-Key` or `Authorization: Bearer`. `any`: either. "
        "`none`: every client has all permissions.",
    )
    key: SecretStr = Field(
        SecretStr(""),
        description="API key of the operator with all permissions, in addition to those created "
        "with `POST /keys`. Empty: none.",
    )
    user: str = Field(
        "admin",
        min_length=1,
        pattern="^[^:\\x00]*$",  # HTTP basic ends the name there; Postgres has no NUL
        description="User name that belongs to CONVEYOR_AUTH_PASSWORD.",
    )
    password: SecretStr = Field(
        SecretStr(""),
        description="Password of an operator with all permissions (HTTP basic), in addition to "
        "the users created with `POST /users`. Empty: none.",
    )
    password_min_length: int = Field(
        8, ge=1, description="Minimum number of characters in the passwords of users."
    )
    failures: int = Field(
        5,
        ge=0,
        description="Failed sign-ins of a user name from an address before further ones return 429 "
        "with `Retry-After`: for 1 s, twice as long after each failure, at most 60 s. Each "
        "coordinator counts by itself. 0: unlimited.",
    )
    session_hours: float = Field(
        168, gt=0, description="Maximum length of a session of the page; then users sign in again."
    )
    session_idle_hours: float = Field(
        24, gt=0, description="Time without a request after which a session of the page ends."
    )
    sessions_per_user: int = Field(
        20,
        gt=0,
        description="Maximum number of sessions of a user, of a key and of the operator. A further "
        "sign-in ends the one that is unused for longest.",
    )
    default_access: Literal["operate", "view", "none"] = Field(
        "operate",
        description="Access of all users to jobs and scheduled jobs that are submitted without "
        "`permissions`. `operate`: everyone can view and change them. `view`: everyone can "
        "view them. `none`: only the creator and administrators can view them.",
    )
    none_allowed: bool = Field(
        False,
        description="Allow CONVEYOR_AUTH_TYPE `none` on addresses other than localhost, and any "
        "host name in requests. Off: only requests to an IP address or to localhost "
        "are accepted, which protects against DNS rebinding from a browser on this "
        "machine.",
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
        description="Origins that can use the API from a browser, comma-separated, such as "
        "`https://ui.example.com`; `*`: any. Empty: none.",
    )
    methods: str = Field(
        "GET,HEAD,POST,PUT,PATCH,DELETE", description="Allowed methods of cross-origin requests."
    )
    headers: str = Field(
        "Authorization,Content-Type,Idempotency-Key,Last-Event-ID,X-API-Key,X-CSRF-Token,"
        "X-Request-Id",
        description="Allowed headers of cross-origin requests.",
    )
    credentials: bool = Field(
        False,
        description="Allow cross-origin requests with stored browser credentials. Not with `*`.",
    )
    max_age_seconds: int = Field(
        600, ge=0, description="How long browsers cache the response of a preflight request."
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
