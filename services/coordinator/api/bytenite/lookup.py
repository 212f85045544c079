"""The job that a path means, as far as the request may see it."""

import hashlib

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import require_operable
from services.coordinator.api.bytenite.error_form import coded
from services.coordinator.api.bytenite.links import upload_link
from services.coordinator.api.bytenite.views import job_answer
from services.coordinator.api.errors import Conflict, NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import Scope
from services.coordinator.store import bytenite_jobs
from services.coordinator.store.bytenite_jobs import ByteniteJob
from shared.jobspec.bytenite.form import Tree
from shared.planning.disclosure import redacting

_LONGEST = 64


async def job_called(request: web.Request, name: str) -> ByteniteJob | None:
    if "\0" in name or len(name) > _LONGEST:  # no job is called that
        return None
    return await ports(request).run(bytenite_jobs.one, name, principal(request).readers)


async def job_of(request: web.Request) -> ByteniteJob:
    """Also one that is deleted. Raises NotFound."""
    found = await job_called(request, request.match_info["id"])
    if found is None:
        raise NotFound("no such job")
    return found


async def operable_job(request: web.Request) -> ByteniteJob:
    """The same, if the request may act on it and it is not deleted. Raises Forbidden, Conflict."""
    job = await job_of(request)
    await require_operable(request, job.id)
    if job.deleted_at:
        raise coded(request, "invalid_state", Conflict("the job is deleted"))
    return job


def require_draft(request: web.Request, job: ByteniteJob) -> None:
    """Raises Conflict."""
    if not job.is_held:
        raise coded(
            request, "job_already_started", Conflict("the job was run already: it is no draft")
        )


def is_of_file(document: Tree) -> bool:
    return (document.get("dataSource") or {}).get("dataSourceDescriptor") == "file"


def upload_id_of(job: ByteniteJob) -> str:
    """Of the file that is sent for it."""
    return hashlib.sha256(f"bytenite\n{job.id}".encode()).hexdigest()[:32]


async def with_temporary_url(request: web.Request, job: ByteniteJob) -> ByteniteJob:
    """For who may run it: where the file of a draft is sent to."""
    who = principal(request)
    if not job.is_held or not who.may(Scope.SUBMIT) or not is_of_file(job.document):
        return job
    source = job.document["dataSource"]
    params = dict(source.get("params") or {})
    link, _ = await upload_link(request, upload_id_of(job), params.get("name", ""), who.creator)
    shown = {**source, "params": {**params, "tempUrl": link}}
    return job._replace(document={**job.document, "dataSource": shown})


async def reply_job(request: web.Request, name: str) -> web.Response:
    """As it is now."""
    job = await job_called(request, name)
    if job is None:
        raise NotFound("no such job")
    job = await with_temporary_url(request, job)
    return reply(job_answer(job, redacting(ports(request).sealer, job.sealed)))
