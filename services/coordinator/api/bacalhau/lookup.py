"""The job that a path means, as far as the request may see it."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import require_operable
from services.coordinator.api.bacalhau.error_form import hinted
from services.coordinator.api.bacalhau.ids import meant_id, shown_id
from services.coordinator.api.errors import Conflict, NotFound
from services.coordinator.api.requests import ports
from services.coordinator.store import named_jobs
from services.coordinator.store.named_jobs import Called, NamedJob
from shared.jobspec.bacalhau.normal import DEFAULT_NAMESPACE
from shared.jobspec.bacalhau.rules import ALL_NAMESPACES

_LONGEST = 1000


async def job_of(request: web.Request, namespace: str = "", version: int = 0) -> NamedJob:
    """By its name in the namespace, by default `default`; else by its id or the beginning of that,
    in the namespace where one is given. Version 0 is the latest.

    Raises NotFound, Conflict.
    """
    text, readers = request.match_info["id"][:_LONGEST], principal(request).readers
    within = None if namespace in ("", ALL_NAMESPACES) else namespace
    called = Called(text, within or DEFAULT_NAMESPACE, meant_id("j", text), within)
    if "\0" in text:  # Postgres has no NUL, so no job is called that
        raise NotFound(f"job not found: {text}")
    ids = await ports(request).run(named_jobs.find, called, readers)
    if len(ids) > 1:
        shown = ", ".join(shown_id("j", id_) for id_ in ids[: named_jobs.MOST_FOUND])
        raise hinted(
            request, Conflict(f"multiple jobs found for {text!r}: {shown}"), "Use full job ID"
        )
    found = None
    if ids:
        found = await ports(request).run(named_jobs.one, ids[0], readers, version or None)
    if found is None:
        what = f"version {version} of job" if ids else "job"
        raise NotFound(f"{what} not found: {text}")
    return found


async def operable_job(request: web.Request, namespace: str = "", version: int = 0) -> NamedJob:
    """The same, if the request may act on it. Raises Forbidden, too."""
    job = await job_of(request, namespace, version)
    await require_operable(request, job.id)
    return job
