"""Users, roles and keys."""

from datetime import datetime
from typing import Literal

from services.coordinator.api.schemas import Answer


class User(Answer):
    """Someone who may log in."""

    username: str
    """What they log in with."""
    name: str
    """For people."""
    created_at: datetime | None = None
    """When the user was made."""
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


class NewKeyShown(Key):
    """A new key. It is shown here and never again."""

    key: str
    """Sent as `X-API-Key` or as `Authorization: Bearer`."""
