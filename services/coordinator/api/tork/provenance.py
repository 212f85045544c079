"""GET /jobs/{id}/provenance: what has made the files of a job, from what, when, where, for whom."""

from typing import Any

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import require_visible
from services.coordinator.api.replies import Answer, reply
from services.coordinator.api.requests import path_id, ports
from services.coordinator.api.route import response
from services.coordinator.api.tork.jobs import JOBS
from services.coordinator.api.tork.prov import document
from services.coordinator.store.provenance import history
from shared.planning.disclosure import redactors
from shared.process.garbage import in_thread

Named = dict[str, dict[str, Any]]
"""Attributes by identifier."""


class Provenance(Answer):
    """A document in PROV-JSON: what there is by kind, then relations by kind."""

    prefix: dict[str, str]
    """What the beginnings of identifiers stand for."""
    entity: Named | None = None
    """Files, uploads, images, texts and places outside; definitions of jobs as plans."""
    activity: Named | None = None
    """The job, its sub-jobs, their attempts at tasks, and those of other jobs whose files were
    used."""
    agent: Named | None = None
    """Users and workers."""
    was_generated_by: Named | None = None
    """Which attempt has made a file."""
    used: Named | None = None
    """What an attempt was given, and where it found it."""
    was_associated_with: Named | None = None
    """Whose job it was, and on which worker an attempt ran."""
    was_informed_by: Named | None = None
    """Which job an attempt is of, and which attempt a sub-job stands for."""
    was_attributed_to: Named | None = None
    """Who has uploaded a file."""
    alternate_of: Named | None = None
    """Which published copy is of which file."""


@JOBS.route(
    "GET /jobs/{id}/provenance",
    "Show what has made the files of a job, as W3C PROV-JSON",
    response("The history of the job, its sub-jobs and their files.", Provenance),
)
async def get_provenance(request: web.Request) -> web.Response:
    api, job_id = ports(request), path_id(request, "job")
    await require_visible(request, job_id)
    found = await api.run(history, job_id, principal(request).readers)
    return await in_thread(lambda: reply(document(found, redactors(api.sealer))))
