"""/v1/computing/jobs/{id}/results: the files that a job leaves, with links that end."""

from datetime import UTC, datetime, timedelta

from aiohttp import web

from services.coordinator.api.bytenite.groups import JOBS, at_both
from services.coordinator.api.bytenite.links import require_link, signing_links
from services.coordinator.api.bytenite.lookup import job_of
from services.coordinator.api.bytenite.schemas import ByteniteError
from services.coordinator.api.bytenite.task_schemas import Result, Results
from services.coordinator.api.errors import NotFound
from services.coordinator.api.files.headers import CONTENT, PARTS, RANGE_HEADERS
from services.coordinator.api.files.lookup import OfTask, opened_store
from services.coordinator.api.files.routes import send_kept
from services.coordinator.api.files.transfers import client_transfer
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import RouteGroup, error, response
from services.coordinator.store.artifacts import ArtifactRow
from services.coordinator.store.bytenite_jobs import ByteniteJob
from services.coordinator.store.bytenite_results import results
from shared.files.archives import IndexEntry, find_entry, opened_index
from shared.files.links import Links

_MOST_FILES = 10_000
_AGAIN_SECONDS = "5"
_NONE = "no such result"
_FILES = RouteGroup(
    group="bytenite",
    tag="bytenite",
    scope=None,
    path_meanings={"id": "The job's id, as Conveyor calls it.", "path": "The name of the file."},
    missing="There is no such result.",
    error_form=ByteniteError,
)


@JOBS.route(
    "GET /v1/computing/jobs/{id}/results",
    "List the results of a job, with links to download them",
    response(
        "The files; none as long as the job has not delivered them, and `Retry-After` says when to "
        "ask again.",
        Results,
    ),
    {409: error("The server keeps no files.")},
)
async def list_bytenite_results(request: web.Request) -> web.Response:
    """The links are good for 48 hours, of a temporary bucket from the end of the job on."""
    job = await job_of(request)
    kept = await ports(request).run(results, job.id)
    if kept is None:
        answer = reply(Results(results=[]))
        if job.state not in ("COMPLETED", "FAILED", "CANCELLED"):
            answer.headers["Retry-After"] = _AGAIN_SECONDS
        return answer
    store, links, ends = opened_store(request), await signing_links(request), _ends(request, job)
    found = list[Result]()
    async with opened_index(store, kept.object, kept.sha256) as (_, entries):
        async for entry in entries:
            if entry.has_content and len(found) < _MOST_FILES:
                found.append(_result(links, job, entry, ends))
    return reply(Results(results=found))


def _result(links: Links, job: ByteniteJob, entry: IndexEntry, ends: datetime) -> Result:
    return Result(
        name=entry.path,
        link=links.make(_place(job.id, entry.path), "GET", ends),
        size=entry.size,
        sha256=entry.sha256,
        expires_at=ends,
    )


def _place(job_id: str, path: str) -> str:
    return f"computing/results/{job_id}/{path}"


def _ends(request: web.Request, job: ByteniteJob) -> datetime:
    """Of a temporary bucket with what is in it."""
    lasts = timedelta(hours=ports(request).files_settings.bucket_hours)
    destination = job.document.get("dataDestination") or {}
    is_bucket = destination.get("dataSourceDescriptor") == "bucket"
    return (job.ended_at if is_bucket and job.ended_at else datetime.now(UTC)) + lasts


@_FILES.route(
    "GET /v1/computing/results/{id}/{path}",
    "Download a result by its link; HEAD finds it",
    CONTENT,
    {
        **PARTS,
        403: error("The link is for something else, or has ended; the message says which."),
        409: error("The server keeps no files."),
        503: error("The store can't be used, or too many files are being transferred."),
    },
    headers=RANGE_HEADERS,
)
async def download_bytenite_result(request: web.Request) -> web.StreamResponse:
    job_id, path = request.match_info["id"], request.match_info["path"]
    await require_link(request, _place(job_id, path), "GET")
    kept = await ports(request).run(results, job_id) if "\0" not in job_id else None
    if kept is None:
        raise NotFound(_NONE)
    entry = await _entry(request, kept, path)
    with client_transfer(request):
        return await send_kept(request, opened_store(request), OfTask(kept, entry))


async def _entry(request: web.Request, kept: ArtifactRow, path: str) -> IndexEntry:
    entry = await find_entry(opened_store(request), kept.object, path, kept.sha256)
    if entry is None or not entry.has_content:
        raise NotFound(_NONE)
    return entry


RESULT_ROUTES = (*at_both(list_bytenite_results), download_bytenite_result)
