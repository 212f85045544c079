"""Submissions with `dryRun`: all is checked, nothing is stored, and no idempotency key is used."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from aiohttp import web
from pydantic import JsonValue

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import refused_at
from services.coordinator.api.replies import Answer, Fields, Warning, reply, set_fields
from services.coordinator.api.requests import ports
from shared.jobspec.problems import InvalidJob
from shared.store.uploads import WantedUploads, require_usable

_NO_OWNER = ""


class DryRun(Answer):
    """What a submission would create. Nothing is stored."""

    dry_run: Literal[True]
    """The submission was only checked."""
    name: str
    """Of the job."""
    description: str | None = None
    """As submitted."""
    tags: list[str] | None = None
    """As submitted."""
    inputs: dict[str, JsonValue] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    task_count: int
    """How many tasks it has."""
    next_at: datetime | None = None
    """When a scheduled job would create its first job."""
    warnings: list[Warning] | None = None
    """What of it works, but was hardly meant."""


_FIELDS = [field.alias or name for name, field in DryRun.model_fields.items()]


def reply_dry_run(shown: Fields, warnings: Sequence[Fields], **others: object) -> web.Response:
    """`shown` may have more fields than this answer."""
    fields = {"dryRun": True, **shown, **set_fields({"warnings": warnings, **others})}
    return reply({name: fields[name] for name in _FIELDS if name in fields})


async def require_uploads(request: web.Request, uploads: Mapping[str, str]) -> None:
    """Raises InvalidJob, with their lines, for those that a submission of it could not use."""
    if not uploads:
        return
    wanted = WantedUploads(_NO_OWNER, uploads, principal(request).creator)
    try:
        await ports(request).run(require_usable, wanted)
    except InvalidJob as error:
        raise await refused_at(request, error.problems) from None
