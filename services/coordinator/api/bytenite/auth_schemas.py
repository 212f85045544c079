"""What /v1/auth takes and answers."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from services.coordinator.api.access.schemas import Body
from services.coordinator.api.replies import Answer


class TokenRequest(Body):
    """Whose access token."""

    model_config = ConfigDict(alias_generator=to_camel)

    api_key: Annotated[str, Field(min_length=1, max_length=1024)]
    """An API key."""


class TokenAnswer(Answer):
    """What to send as `Authorization`, bare or after `Bearer`."""

    token: str
    """It ends with the key, too."""
    expires_in: str
    """In seconds."""
    scope: str
    """What it may do, separated by blanks."""


class ApiKeyView(Answer):
    """An API key, without the key itself."""

    id: str
    name: str
    issued_at: datetime
    expires_at: datetime | None = None
    user_id: str | None = None
    revoked: bool = False
    """Revoked keys are not listed."""


class ApiKeys(Answer):
    """Your API keys."""

    api_keys: list[ApiKeyView]


class AuthUser(Answer):
    """Who asks."""

    id: str
    display_name: str
    role: str
    """`ROLE_ADMIN` or `ROLE_NONE`."""
    disabled: bool = False


class UserAnswer(Answer):
    user: AuthUser


class SecretFacts(Body):
    """A secret, but for what is secret of it."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    id: str
    """1 to 64 letters, digits, dashes or underscores."""
    name: str = ""
    secret_type: str
    """`aws` (or `s3`), `gcp`, `storj`, `docker` or `other`."""
    access_key: str | None = None
    """`other` has none."""
    expires_at: str | None = None
    """Default: never."""


class NewSecretRequest(Body):
    """A secret to keep."""

    model_config = ConfigDict(alias_generator=to_camel)

    secret: SecretFacts
    secret_key: str
    """No answer shows it."""


class SecretView(Answer):
    """A secret, but for what is secret of it."""

    id: str
    name: str
    secret_type: str
    access_key: str | None = None
    expires_at: datetime | None = None
    params: dict[str, Any]
    """Always empty."""


class SecretsAnswer(Answer):
    """The secrets that you may use."""

    secrets: list[SecretView]


class SecretAnswer(Answer):
    """The secret that is kept."""

    secret: SecretView
    ok: bool = True
