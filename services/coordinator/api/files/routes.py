"""/jobs/{id}/files: what the tasks of a job have kept, listed and sent."""

from typing import Annotated, Literal

from aiohttp import hdrs, web
from pydantic import Field

from conveyor.extensions.files import FileStore, ObjectInfo
from services.coordinator.api.errors import BadRequest
from services.coordinator.api.files.contents import reply_content
from services.coordinator.api.files.directories import entry_page
from services.coordinator.api.files.headers import (
    CONTENT,
    PARTS,
    RANGE_HEADERS,
    attachment,
)
from services.coordinator.api.files.lookup import (
    OfChildren,
    OfTask,
    files_of_job,
    found_at,
    opened_store,
)
from services.coordinator.api.files.schemas import ArtifactPage, EntryPage
from services.coordinator.api.files.transfers import client_transfer, sent
from services.coordinator.api.files.trees import (
    Kept,
    tree_of,
    tree_of_children,
    tree_of_job,
)
from services.coordinator.api.files.views import artifact_page
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import Query, Search, ports, query
from services.coordinator.api.route import JSON, Response, Route, RouteGroup, error
from services.coordinator.store import artifacts, family_artifacts
from services.coordinator.store.rows import PageRequest
from shared.files.archives import opened_index, write_tar
from shared.files.archives.members import Members
from shared.planning.disclosure import redacting

MAX_FILES_PAGE = 100
_MOST_ATTEMPTS = 2**31 - 1
TAR = "application/x-tar"
_BUSY = error(
    "The database or the store can't be used, or too many files are being transferred; try again "
    "later."
)
_UNUSABLE = error("Several tasks have this name, or the server keeps no files.")
_GROUP = RouteGroup(
    group="files",
    tag="files",
    path_meanings={
        "id": "The job's id.",
        "path": "`<task>/<artifact>`, and perhaps a path in it. `<task>` is a `var`, a name or an "
        "id. The index of a child may follow it; without one all children are meant. Of a "
        "task that is a job, one of its tasks may follow.",
    },
    missing="There is no such job or file.",
)


class FormatQuery(Query):
    """How it is sent."""

    format: Annotated[Literal["", "tar"], Field(description="`tar`: a directory, as one file.")] = (
        ""
    )


class FilesQuery(FormatQuery):
    """Which files of a job."""

    task: Annotated[
        Search,
        Field(
            description="Only those of this task: its `var`, name or id. Of one that is a job, "
            "all of its tasks are meant."
        ),
    ] = ""
    attempt: Annotated[
        int, Field(description="Only those of this attempt, from 0; smaller numbers: of all.")
    ] = -1
    path: Annotated[
        Search, Field(description="What is in this directory: `<task>/<artifact>/<path>`.")
    ] = ""
    page: Annotated[
        int, Field(description="The page's number, from 1; smaller numbers count as 1.")
    ] = 1
    size: Annotated[int, Field(description="1 to 100 a page; others are brought in range.")] = 25

    @property
    def one_attempt(self) -> int | None:
        return None if self.attempt < 0 else min(self.attempt, _MOST_ATTEMPTS)

    def request(self) -> PageRequest:
        return PageRequest.within(self.page, self.size, largest=MAX_FILES_PAGE)


@_GROUP.route(
    "GET /jobs/{id}/files",
    "List what the tasks of a job and of its sub-jobs have kept, or send all of it as a tar",
    Response(
        "A page of artifacts, or with `path` of what is in a directory; with `format` their "
        "content: `<task>/<artifact>/…`, of children `<task>/<index>/<artifact>/…`, of a sub-job "
        "`<task>/<task of it>/<artifact>/…`.",
        {JSON: ArtifactPage | EntryPage, TAR: None},
    ),
    {409: _UNUSABLE, 503: _BUSY},
    query=FilesQuery,
)
async def list_files(request: web.Request) -> web.StreamResponse:
    """What failed attempts have kept is listed, too; a tar has the newest of each name."""
    asked, job = query(request, FilesQuery), await files_of_job(request)
    if asked.path:
        return await _list_directory(request, job.job_id, asked)
    api, chosen = ports(request), (job.job_id, asked.task, asked.one_attempt)
    if asked.format:
        members = tree_of_job(opened_store(request), api.pool, *chosen)
        with client_transfer(request):
            return await _send_tree(request, members, job.job_id)
    found = await api.run(family_artifacts.artifacts_of, *chosen, asked.request())
    jobs = {row.job_id for row in found.items}
    holders = await api.run(family_artifacts.holders_of, jobs, job.job_id)
    sealed = {**await api.run(family_artifacts.sealed_of, jobs), job.job_id: job.sealed}
    redactors = {id_: redacting(api.sealer, each) for id_, each in sealed.items()}
    return reply(artifact_page(job.job_id, found, holders, redactors))


async def _list_directory(
    request: web.Request, job_id: str, asked: FilesQuery
) -> web.StreamResponse:
    if asked.format or asked.task or asked.one_attempt is not None:
        raise BadRequest("path: must not be given with format, task or attempt")
    found = await found_at(request, job_id, asked.path)
    if isinstance(found, OfChildren) or not found.is_directory:
        raise BadRequest(f"path: {asked.path[:80]!r} is not allowed: it is not one directory")
    store = opened_store(request)
    return reply(await entry_page(store, found, asked.path.strip("/"), asked.request()))


@_GROUP.route(
    "GET /jobs/{id}/files/{path}",
    "Download a file, or a directory as a tar; HEAD finds it",
    Response(
        "The content. A directory is a tar. Of all children of a task it has a directory for "
        "each, named by its index, and `manifest.json`.",
        {**CONTENT.content, TAR: None},
        CONTENT.headers,
    ),
    {**PARTS, 409: _UNUSABLE, 503: _BUSY},
    query=FormatQuery,
    headers=RANGE_HEADERS,
)
async def download_file(request: web.Request) -> web.StreamResponse:
    """What is composed on the way, a directory in an artifact or several children, has no
    ranges."""
    asked, job = query(request, FormatQuery), await files_of_job(request)
    found = await found_at(request, job.job_id, request.match_info["path"])
    store = opened_store(request)
    with client_transfer(request):
        if isinstance(found, OfChildren):
            return await _send_children(request, store, found)
        if not found.is_directory and asked.format:
            raise BadRequest("format: must not be given: this is a file")
        return await send_kept(request, store, found)


async def send_kept(request: web.Request, store: FileStore, found: OfTask) -> web.StreamResponse:
    kept = Kept.of(found.artifact)
    if found.is_directory and found.entry:
        name = found.inside.rpartition("/")[2]
        return await _send_tree(request, tree_of(store, kept, name, found.inside), name)
    if found.is_directory:
        async with opened_index(store, kept.object, kept.sha256) as (head, _):
            info = ObjectInfo(kept.object, head.archive_size, head.archive_sha256)
        headers = attachment(f"{kept.file_name}.tar", TAR)
        return await reply_content(request, store, info, headers)
    if found.entry:
        info = ObjectInfo(kept.object, found.entry.size, found.entry.sha256)
        headers = attachment(found.inside.rpartition("/")[2])
        return await reply_content(request, store, info, headers, found.entry.span)
    info = ObjectInfo(kept.object, kept.size, kept.sha256)
    return await reply_content(request, store, info, attachment(kept.file_name))


async def _send_children(
    request: web.Request, store: FileStore, found: OfChildren
) -> web.StreamResponse:
    last = await ports(request).run(artifacts.child_count, found.parent_id) - 1
    rows = artifacts.children_with(ports(request).pool, found.parent_id, found.name)
    return await _send_tree(request, tree_of_children(store, rows, last), found.name)


async def _send_tree(request: web.Request, members: Members, name: str) -> web.StreamResponse:
    """Its length is not known before: chunks, whose end tells a whole from a part."""
    response = web.StreamResponse(headers=attachment(f"{name}.tar", TAR))
    response.headers[hdrs.ACCEPT_RANGES] = "none"
    if request.method == hdrs.METH_HEAD:
        return response
    return await sent(request, response, write_tar(members))


FILE_ROUTES: tuple[Route, ...] = (list_files, download_file)
