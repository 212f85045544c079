"""/api/v1/orchestrator/jobs/{id}/results: where the results of a job are, with links that end."""

import time
from typing import Annotated, cast
from urllib.parse import quote, urlsplit

from aiohttp import hdrs, web
from pydantic import Field

from services.coordinator.api.access.authenticator import authentication
from services.coordinator.api.bacalhau.groups import JOBS, NamespaceQuery
from services.coordinator.api.bacalhau.ids import meant_id, shown_id
from services.coordinator.api.bacalhau.lookup import job_of
from services.coordinator.api.bacalhau.schemas import Anything, BacalhauError, ItemList
from services.coordinator.api.errors import BadRequest, Forbidden, NotFound
from services.coordinator.api.files.headers import attachment
from services.coordinator.api.files.lookup import opened_store
from services.coordinator.api.files.transfers import client_transfer, sent
from services.coordinator.api.files.trees import Kept, tree_of
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import Query, ports, query
from services.coordinator.api.route import Response, RouteGroup, error, response
from services.coordinator.store import artifacts, executions
from services.coordinator.store.artifacts import NamedTask
from services.coordinator.store.executions import ResultRow
from shared.files.archives import write_tar
from shared.files.streams import gzipped
from shared.jobspec.bacalhau.models import KEPT_RUNNING
from shared.process.sealing import ENCRYPTED, Sealer, SealingError

_LINK_SECONDS = 3600
_SUFFIX = ".tar.gz"
"""By which Bacalhau's command knows what it has to unpack."""
_GZIP = "application/gzip"
_NO_RESULTS = "no such results"
_ARCHIVE_PATH = "/api/v1/orchestrator/results/{id}/{file}"
_ARCHIVES = RouteGroup(
    group="bacalhau",
    tag="bacalhau",
    scope=None,
    path_meanings={"id": "The id of the execution.", "file": "`results.tar.gz`, or another name."},
    missing="There are no such results.",
    error_form=BacalhauError,
)


@JOBS.route(
    "GET /api/v1/orchestrator/jobs/{id}/results",
    "List the results of a job, with links to download them",
    response("Results of the executions of the latest version that have completed.", ItemList),
    {409: error("Several jobs begin so; or the server keeps no files.")},
    query=NamespaceQuery,
)
async def list_bacalhau_results(request: web.Request) -> web.Response:
    """Each link is good for an hour, and leads to a `.tar.gz`."""
    job = await job_of(request, query(request, NamespaceQuery).namespace)
    if (kind := job.document.get("Type")) in KEPT_RUNNING:
        raise BadRequest(f"a {kind} job has no results: it is kept running")
    rows = await ports(request).run(executions.results, job.id, job.version)
    if not rows:
        return reply(ItemList(items=[]))
    opened_store(request)
    return reply(ItemList(items=[_shown(request, job.id, row) for row in rows]))


def _shown(request: web.Request, job_id: str, row: ResultRow) -> Anything:
    """As the publisher that the job names would have it."""
    link = _link(request, job_id, row)
    place = _place(row)
    if place.get("Scheme") == "ipfs":
        return {"Type": "ipfs", "Params": {"CID": place["Bucket"], **_about(row), "URL": link}}
    if not place:
        return {"Type": "urlDownload", "Params": {"URL": link, **_about(row)}}
    params = {"Bucket": place["Bucket"], "Key": place["Key"], "PreSignedURL": link, **_about(row)}
    return {"Type": "s3PreSigned", "Params": params}


def _link(request: web.Request, job_id: str, row: ResultRow) -> str:
    """It needs no credentials: Bacalhau's command sends none. Without a key to sign it with, and
    where credentials are required, it is our API's, which asks for them."""
    origin, sealer = request.url.origin(), ports(request).sealer
    if not authentication(request).settings.is_on:
        token = ""
    elif sealer.encrypts:
        token = f"?token={_token(sealer, row.execution_id, row.name)}"
    else:
        query = "?format=tar" if row.is_directory else ""
        return f"{origin}/jobs/{job_id}/files/{row.execution_id}/{quote(row.name)}{query}"
    path = _ARCHIVE_PATH.format(id=shown_id("e", row.execution_id), file=row.name + _SUFFIX)
    return f"{origin}{quote(path)}{token}"


def _token(sealer: Sealer, execution_id: str, name: str) -> str:
    ends = int(time.time()) + _LINK_SECONDS
    sealed = sealer.seal({"execution": execution_id, "results": name, "ends": ends})
    return sealed.removeprefix(ENCRYPTED)


def _require_token(request: web.Request, execution_id: str, name: str) -> None:
    """Raises Forbidden, and NotFound for who has none."""
    if not authentication(request).settings.is_on:
        return
    token = query(request, TokenOfResults).token
    if not token:
        raise NotFound(_NO_RESULTS)
    try:
        allowed = ports(request).sealer.unseal(f"{ENCRYPTED}{token}")
    except SealingError:  # it is not ours, or of a key that is gone
        raise Forbidden("the token of the link is wrong") from None
    if (allowed.get("execution"), allowed.get("results")) != (execution_id, name):
        raise Forbidden("the token of the link is for something else")
    if time.time() > cast(int, allowed["ends"]):
        raise Forbidden("the link has ended")


class TokenOfResults(Query):
    """By which they may be read."""

    token: Annotated[
        str, Field(max_length=1000, pattern=r"^[A-Za-z0-9_=-]*$", description="That of the link.")
    ] = ""


@_ARCHIVES.route(
    f"GET {_ARCHIVE_PATH}",
    "Download the results of an execution by its link",
    Response("A tar, with gzip.", {_GZIP: None}),
    {
        403: error("The link is for something else, or has ended; the message says which."),
        409: error("The server keeps no files."),
        503: error("The store can't be used, or too many files are being transferred."),
    },
    query=TokenOfResults,
)
async def download_bacalhau_results(request: web.Request) -> web.StreamResponse:
    """As one of Bacalhau's publishers keeps them."""
    execution_id = meant_id("e", request.match_info["id"]) or "none"
    name, suffix, _ = request.match_info["file"].partition(_SUFFIX)
    _require_token(request, execution_id, name)
    task = NamedTask(id=execution_id, is_exact=True)
    rows = await ports(request).run(artifacts.kept_by, task, name) if suffix and name else []
    if not rows:
        raise NotFound(_NO_RESULTS)
    response = web.StreamResponse(headers=attachment(request.match_info["file"], _GZIP))
    if request.method == hdrs.METH_HEAD:
        return response
    members = tree_of(opened_store(request), Kept.of(rows[0]))
    with client_transfer(request):
        return await sent(request, response, gzipped(write_tar(members)))


def _place(row: ResultRow) -> dict[str, str]:
    """The first that it was published to."""
    for url in row.published:
        parts = urlsplit(url)
        if parts.scheme in ("s3", "ipfs"):
            key = parts.path.lstrip("/")
            return {"Scheme": parts.scheme, "Bucket": parts.netloc, "Key": key}
    return {}


def _about(row: ResultRow) -> Anything:
    """What only Conveyor tells."""
    return {
        "ExecutionID": shown_id("e", row.execution_id),
        "PartitionIndex": row.partition,
        "NodeID": row.node_id or "",
        "Name": row.name,
        "Size": row.size,
        "SHA256": row.sha256,
        "IsDirectory": row.is_directory,
    }


RESULT_ROUTES = (list_bacalhau_results, download_bacalhau_results)
