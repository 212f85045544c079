"""What the answer to a submission warns of, and what `strict` refuses."""

import time
from collections.abc import Mapping, Sequence
from functools import partial

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from services.coordinator.api.background import in_background
from services.coordinator.api.replies import Fields
from services.coordinator.api.requests import query
from services.coordinator.ports import ApiPorts
from services.coordinator.wait_reasons import nobody_serves
from shared.jobspec.problems import InvalidJob, Problem
from shared.jobspec.tork.models import SubmittedJob
from shared.jobspec.tork.parsing import with_lines
from shared.jobspec.tork.warnings import queues_of, warning
from shared.messages.queues import slots_by_queue
from shared.store import queues_in_use

_KEPT_SECONDS = 2.0


class SubmitQuery(BaseModel):
    """How a job is submitted."""

    model_config = ConfigDict(extra="ignore")

    strict: bool = Field(False, description="Refuse what would otherwise be a warning.")
    is_dry_run: bool = Field(
        False,
        alias="dryRun",
        description="Only check the submission, as a whole: nothing is stored, and an "
        "`Idempotency-Key` is not used.",
    )


class ServedQueues:
    """What the workers that are online serve, as it was a moment ago: submissions are many."""

    def __init__(self, api: ApiPorts) -> None:
        self._api = api
        self._slots: Mapping[str, int] = {}
        self._until = 0.0

    async def slots(self) -> Mapping[str, int]:
        """By queue. Raises DatabaseUnavailable."""
        if time.monotonic() >= self._until:
            self._slots = slots_by_queue(await self._api.run(queues_in_use.online))
            self._until = time.monotonic() + _KEPT_SECONDS
        return self._slots


SERVED_QUEUES = web.AppKey("served_queues", ServedQueues)


async def warned(request: web.Request, job: SubmittedJob, body: bytes) -> list[Fields]:
    """The warnings as the answer shows them. Raises InvalidJob if they shall be errors."""
    return shown_warnings(request, [*job.warnings, *await _unserved(request, job, body)])


def shown_warnings(request: web.Request, found: Sequence[Problem]) -> list[Fields]:
    """Warnings as the answer shows them. Raises InvalidJob if they shall be errors."""
    if found and query(request, SubmitQuery).strict:
        raise InvalidJob(found)
    shown = [
        {"field": w.field, "message": w.rule, "line": w.line, "column": w.column} for w in found
    ]
    return [{name: value for name, value in each.items() if value is not None} for each in shown]


async def _unserved(request: web.Request, job: SubmittedJob, body: bytes) -> Sequence[Problem]:
    slots = await request.app[SERVED_QUEUES].slots()
    queues = await in_background(request, partial(queues_of, job))
    found = [
        warning(place, nobody_serves(queue, slots))
        for queue, place in queues.items()
        if queue not in slots
    ]
    if not found:
        return ()
    content_type = request.headers.get("Content-Type", "")
    return await in_background(request, partial(with_lines, found, body, content_type))
