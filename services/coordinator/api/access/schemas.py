"""Users, roles and keys: what clients send about them, and answers."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Literal, Self, TypeVar

from aiohttp import hdrs, web
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from services.coordinator.api.background import in_background
from services.coordinator.api.errors import BadRequest
from services.coordinator.api.replies import Answer
from services.coordinator.api.requests import SAYS_NOTHING, whole_body
from services.coordinator.api.route import Scope
from shared.jobspec.clean_text import refuse_unkeepable
from shared.jobspec.fields import PositiveDuration
from shared.jobspec.json_body import load_json
from shared.jobspec.problems import Problem, field_path
from shared.jobspec.rule_texts import WITHOUT_VALUE, rule_of
from shared.jobspec.tork.explanations import shown_value
from shared.jobspec.tork.parsing import JSON_TYPES
from shared.process.redaction import Redactor

_USERNAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
_SLUG = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

_HIDDEN = ("password", "oldPassword", "key", "secret", "secretKey", "apiKey")

M = TypeVar("M", bound=BaseModel)


Username = Annotated[str, Field(pattern=_USERNAME)]
Slug = Annotated[str, Field(pattern=_SLUG)]
ShownName = Annotated[str, Field(min_length=1, max_length=256)]
Password = Annotated[str, Field(min_length=1, max_length=1024)]


class Body(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )


class NewUser(Body):
    model_config = ConfigDict(extra="ignore")  # as Tork takes it

    username: Annotated[str, StringConstraints(strip_whitespace=True, pattern=_USERNAME)]
    """Letters, digits and `._@-`, up to 64; what the user logs in with."""
    name: ShownName | None = None
    """For people. Default: the user name."""
    password: Password
    """CONVEYOR_AUTH_PASSWORD_MIN_LENGTH (8) to 1024 characters."""
    disabled: bool = False
    """Whether the user may not log in."""


class UserChange(Body):
    name: ShownName | None = None
    """For people. Default: as it is."""
    disabled: bool | None = None
    """Whether the user may not log in. A change ends all their sessions. Default: as it is."""


class NewPassword(Body):
    password: Password
    """The new one: CONVEYOR_AUTH_PASSWORD_MIN_LENGTH (8) to 1024 characters."""
    old_password: Annotated[Password | None, Field(alias="oldPassword")] = None
    """The present one; only admins need not give it."""


class NewRole(Body):
    slug: Slug
    """Letters, digits and `._-`, up to 64; what permissions name."""
    name: ShownName
    """For people."""


class RoleSlugs(RootModel[list[Slug]]):
    """All the roles a user shall have."""


class NewKeyRequest(Body):
    name: ShownName
    """What the key is for."""
    scopes: Annotated[list[Annotated[Scope, Field(strict=False)]], Field(min_length=1)]
    """What the key may do: `read`, `submit`, `operate`, or `admin`, which includes all."""
    user: Username | None = None
    """Whose key it is; by default that of the user who makes it. An admin may name another."""
    expires_in: Annotated[PositiveDuration | None, Field(alias="expiresIn")] = None
    """How long it is valid, such as `720h`; without it, until it is deleted."""


class SignIn(Body):
    username: Annotated[str | None, Field(min_length=1, max_length=256)] = None
    """Who signs in, with `password`."""
    password: Password | None = None
    """The user's password."""
    key: Password | None = None
    """Instead of both: an API key."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        named, proven = self.username is not None, self.password is not None
        if named != proven or named == (self.key is not None):
            raise ValueError("must have username and password, or key")
        return self


_RULES = {
    "string_pattern_mismatch": "must be 1 to 64 letters, digits, dots, dashes or underscores",
    "too_short": "must have at least one entry",
    "model_type": "must be a JSON object",
}


async def read_body(request: web.Request, model: type[M], *, any_type: bool = False) -> M:
    """The JSON body, with `any_type` whatever its content type says. Raises BadRequest or
    InvalidJob: each field with its value and its rule; a password is not shown."""
    # A page of another origin can send what is not called JSON without asking first.
    if not (any_type and hdrs.ORIGIN not in request.headers):
        _require_json(request)
    body = await whole_body(request)
    return await in_background(request, partial(_checked, body, model))


async def read_optional_body(request: web.Request, model: type[M]) -> M:
    """The same of a body that may be left out."""
    if (await whole_body(request)).strip() in SAYS_NOTHING:
        return model.model_validate({})
    return await read_body(request, model)


def _checked(body: bytes, model: type[M]) -> M:
    value = _json(body)
    try:
        return model.model_validate(value)
    except ValidationError as error:  # the client's mistake, in our words
        hidden = Redactor(_passwords(value))
        found = [str(_problem(each, hidden)) for each in error.errors(include_url=False)]
        raise BadRequest("; ".join(found)) from None


def _require_json(request: web.Request) -> None:
    if request.content_type not in JSON_TYPES:
        raise BadRequest("content-type: must be application/json")


def _json(body: bytes) -> object:
    try:
        value = load_json(body.decode())
    except UnicodeDecodeError:  # the client can mend it
        raise BadRequest("the body is not UTF-8 text") from None
    refuse_unkeepable(value)
    return value


def _problem(details: ErrorDetails, hidden: Redactor) -> Problem:
    field = field_path(details["loc"])
    kind = details["type"]
    rule = _RULES.get(kind) or rule_of(details)
    if not field:
        return Problem("", f"the body {rule}")
    if kind in WITHOUT_VALUE or field in _HIDDEN:
        return Problem(field, rule)
    return Problem(field, rule, shown_value(details["input"], hidden))


def _passwords(body: object) -> Sequence[str]:
    """Those in a body, whatever else is wrong with it: one may stand twice."""
    given = [body.get(field) for field in _HIDDEN] if isinstance(body, dict) else []
    return [password for password in given if isinstance(password, str)]


class User(Answer):
    """Someone who may log in."""

    id: str
    """The same for the same name."""
    username: str
    """What they log in with."""
    name: str
    """For people."""
    created_at: datetime | None = None
    """When the user was made."""
    disabled: bool | None = None
    """Whether the user may not log in; left out for one who may."""
    roles: list[str]
    """The slugs of the user's roles; everyone has `public` besides."""


class Role(Answer):
    """What users share and permissions name."""

    slug: str
    """What permissions name."""
    name: str
    """For people."""
    created_at: datetime | None = None
    """When the role was made."""


class Key(Answer):
    """An API key, without the key itself."""

    id: str
    """Also part of the key."""
    name: str
    """What it is for."""
    scopes: list[Literal["read", "submit", "operate", "admin"]]
    """What it may do; `admin` includes all."""
    user: str | None = None
    """Whose it is: it may do no more than they may."""
    created_at: datetime
    """When it was made."""
    expires_at: datetime | None = None
    """When it ends; left out when it doesn't by itself."""
    last_used_at: datetime | None = None
    """When it was last used, to the minute."""


class Session(Answer):
    """Who asks, and what they may do."""

    user: str | None = None
    """What they signed in with; left out for the operator, for a key that is nobody's, and for
    everyone where authentication is off."""
    key: str | None = None
    """The id of the API key that they showed."""
    roles: list[str]
    """The slugs of the user's roles."""
    scopes: list[Literal["read", "submit", "operate", "admin"]]
    """What they may do; empty when they are not signed in."""
    is_authentication_on: bool
    """Whether a sign-in is required. Without it everyone may do everything."""
    takes_passwords: bool
    """Whether users sign in with their password."""
    takes_keys: bool
    """Whether API keys are taken."""
    csrf_token: str | None = None
    """What requests of a page that change something send as `X-CSRF-Token`."""
    version: str
    """Of Conveyor."""


class OpenSession(Answer):
    """A sign-in that has not ended, without its token."""

    id: str
    """Also part of the token."""
    user: str | None = None
    """Whose it is; left out for the operator's and for that of a key that is nobody's."""
    key: str | None = None
    """The id of the API key that opened it; left out when it was a password."""
    kind: Literal["page", "token"]
    """`page` for a cookie, `token` for an access token."""
    client: str | None = None
    """The `User-Agent` of the sign-in."""
    created_at: datetime
    """When it was opened."""
    used_at: datetime | None = None
    """When it was last used, to the minute; left out if not since the first minute."""
    ends_at: datetime
    """When it ends if it is not used."""
    is_current: bool
    """Whether this request is part of it."""


class EndedSessions(Answer):
    """How many sessions were ended."""

    ended: int
    """Their number."""


class NewKeyShown(Key):
    """A new key. It is shown here and never again."""

    key: str
    """Sent as `X-API-Key` or as `Authorization: Bearer`."""
