"""DELETE /jobs/{id}, and DELETE /jobs for all final jobs that a search finds."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import require_operable
from services.coordinator.api.errors import BadRequest, Conflict
from services.coordinator.api.replies import Answer, Status, reply
from services.coordinator.api.requests import SearchQuery, path_id, ports, query
from services.coordinator.api.route import DONE, Scope, error, response
from services.coordinator.api.tork.jobs import JOBS
from services.coordinator.api.tork.locks import LOCK_TOKEN, LOCKED, delete_unless_locked, shown_lock
from services.coordinator.store import deletion
from services.coordinator.store.search_text import EVERYTHING

_NOT_OVER = "only a final or held job can be deleted, and a sub-job only when no task waits for it"


class DeletionQuery(SearchQuery):
    """Which jobs to delete: as in the list of jobs, at least one word or filter. Jobs that are not
    final stay."""

    dry_run: Annotated[
        bool, Field(alias="dryRun", description="Only count what would be deleted.")
    ] = False


class Deletion(Answer):
    """What a search has deleted."""

    deleted: int
    """How many jobs are deleted, at most 1,000; their sub-jobs are not counted."""
    remaining: int
    """How many more can be deleted: repeat the request. Exact up to 10,000."""


@JOBS.route(
    "DELETE /jobs/{id}",
    "Delete a final job with its tasks, logs, sub-jobs and outstanding webhooks",
    DONE,
    {403: LOCKED, 409: error("The job is not final, or a task waits for it.")},
    scope=Scope.OPERATE,
    headers=(LOCK_TOKEN,),
)
async def delete_job(request: web.Request) -> web.Response:
    job_id = path_id(request, "job")
    await require_operable(request, job_id)
    if not await delete_unless_locked(request, job_id, shown_lock(request)):
        raise Conflict(_NOT_OVER)
    return reply(Status())


@JOBS.route(
    "DELETE /jobs",
    "Delete the final jobs that a search finds, oldest first",
    response("How many are deleted, and how many are left.", Deletion),
    query=DeletionQuery,
    scope=Scope.OPERATE,
)
async def delete_jobs(request: web.Request) -> web.Response:
    asked = query(request, DeletionQuery)
    search = asked.search()
    if search == EVERYTHING:
        raise BadRequest("q: is required: it says which jobs to delete")
    api, operators = ports(request), principal(request).operators
    deleted = 0
    if not asked.dry_run:
        deleted = await api.run(deletion.delete_chosen, search, operators)
    remaining = await api.run(deletion.count_chosen, search, operators)
    return reply(Deletion(deleted=deleted, remaining=remaining))
