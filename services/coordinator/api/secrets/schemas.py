"""Stored secrets: what clients send, and answers, which never hold the secret itself."""

from datetime import datetime
from typing import Annotated, Literal, Self

from aiohttp import web
from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.schemas import Body
from services.coordinator.api.replies import Answer
from services.coordinator.api.tork.schemas.submitted import PermissionView, UserView
from services.coordinator.store.stored_secrets import StoredSecret
from shared.jobspec.fields import Moment
from shared.jobspec.tork.models import Permission

Kind = Literal["other", "aws", "gcp", "storj", "docker"]


class NewStoredSecret(Body):
    """A stored secret as it shall be."""

    model_config = ConfigDict(alias_generator=to_camel)

    kind: Kind = "other"
    """What it opens: `aws`, `gcp`, `storj`, `docker` (a registry), or `other`, a single text."""
    name: Annotated[str, Field(max_length=256)] = ""
    """For people."""
    access_key: Annotated[str | None, Field(min_length=1, max_length=1024)] = None
    """What goes with the secret: an access key, or a user name. Only `other` has none."""
    secret: Annotated[str, Field(min_length=1, max_length=65_536)]
    """The secret itself. No answer shows it."""
    expires_at: Moment | None = None
    """From then on nothing can use it. Default: never."""
    permissions: Annotated[list[Permission] | None, Field(max_length=100)] = None
    """Who may use it (`view`), or replace and delete it, too (`operate`), beside its creator.
    Default: administrators alone."""

    @model_validator(mode="after")
    def _has_access_key(self) -> Self:
        if self.kind == "other" and self.access_key is not None:
            raise ValueError("must not have accessKey where kind is other")
        if self.kind != "other" and self.access_key is None:
            raise ValueError(f"must have accessKey where kind is {self.kind}")
        return self


class Secret(Answer):
    """A stored secret, without the secret itself."""

    id: str
    """What jobs name it by."""
    kind: Kind
    """What it opens."""
    name: str | None = None
    """For people."""
    access_key: str | None = None
    """What goes with the secret."""
    is_expired: bool
    """Whether nothing can use it any more."""
    expires_at: datetime | None = None
    """When it expires; left out when it does not."""
    permissions: list[PermissionView] | None = None
    """Who may use it beside its creator and administrators."""
    created_by: UserView
    """Who created it; without authentication the guest."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it was last replaced."""
    access: Literal["operate", "view"]
    """What the caller may do: with `view` only use it."""


def shown_secret(request: web.Request, row: StoredSecret) -> Secret:
    return Secret.model_validate(
        {
            "id": row.id,
            "kind": row.kind,
            "name": row.name or None,
            "accessKey": row.access_key,
            "isExpired": row.is_expired,
            "expiresAt": row.expires_at,
            "permissions": row.permissions or None,
            "createdBy": row.created_by,
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
            "access": principal(request).access_to(row.readers),
        }
    )
