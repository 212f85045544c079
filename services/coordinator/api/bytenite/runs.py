"""/v1/computing/jobs/{id}: run, abort and delete a job."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.shown import product_of
from services.coordinator.api.bytenite.bodies import parsed_body, unwrapped
from services.coordinator.api.bytenite.drafts import drafted, replaced
from services.coordinator.api.bytenite.error_form import coded
from services.coordinator.api.bytenite.estimation import estimated
from services.coordinator.api.bytenite.groups import JOBS, at_both
from services.coordinator.api.bytenite.lookup import (
    is_of_file,
    operable_job,
    reply_job,
    require_draft,
)
from services.coordinator.api.bytenite.retries import restart_of
from services.coordinator.api.bytenite.schemas import Done, EditConfig, JobAnswer, RetryJob
from services.coordinator.api.bytenite.uploads import with_upload
from services.coordinator.api.errors import Conflict
from services.coordinator.api.idempotency import IDEMPOTENCY_KEY, is_repeated
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import UNPAID, Scope, error, response
from services.coordinator.commands import CannotUpdate, WrongState
from services.coordinator.store import bytenite_jobs, deletion
from services.coordinator.store.bytenite_jobs import RUN, ByteniteJob
from shared.jobspec.bytenite.form import Tree, merged
from shared.jobspec.bytenite.phases import Phase, phase_of

_FINAL = ("COMPLETED", "FAILED", "CANCELLED")


@JOBS.route(
    "POST /v1/computing/jobs/{id}/run",
    "Run a draft",
    response("The job.", JobAnswer),
    {
        402: UNPAID,
        409: error("The job was run already, or what it runs is not active."),
        422: error("The job breaks rules; `details` has each of them. It stays a draft."),
    },
    scope=Scope.SUBMIT,
    body=EditConfig,
    example={"taskTimeout": 3600, "jobTimeout": 7200},
    headers=(IDEMPOTENCY_KEY,),
)
async def run_bytenite_job(request: web.Request) -> web.Response:
    """Repeated with the same `Idempotency-Key` it shows the job."""
    given = unwrapped(await parsed_body(request, EditConfig), "config")
    job = await operable_job(request)
    if job.is_held or not await is_repeated(request):
        await run_draft(request, job, given)
    return await reply_job(request, job.name)


async def run_draft(request: web.Request, job: ByteniteJob, config: Tree) -> None:
    """What it runs is resolved once more, and from now on stays what it is."""
    require_draft(request, job)
    document = {**job.document, "config": merged(job.document.get("config", {}), config)}
    if is_of_file(document):
        document = await with_upload(request, job, document)
    draft = await drafted(request, document, job.created_by, is_run=True)
    try:
        await replaced(request, job, draft, reason=RUN, is_run=True)
        budget = draft.job.budget
        hold = budget or (await estimated(request, job)).amount
        await ports(request).commands.release(job.id, budget, hold)
    except (CannotUpdate, WrongState):  # another request was faster
        raise coded(
            request, "job_already_started", Conflict("the job was just run or changed by another")
        ) from None


@JOBS.route(
    "POST /v1/computing/jobs/{id}/abort",
    "Stop a job; a draft is deleted",
    response("It is stopped, or deleted.", Done),
    {409: error("The job has ended.")},
    scope=Scope.OPERATE,
)
async def abort_bytenite_job(request: web.Request) -> web.Response:
    job, api = await operable_job(request), ports(request)
    if job.is_held and await api.run(deletion.delete_job, job.id):
        return reply(Done())
    if job.state in _FINAL:
        raise coded(request, "invalid_state", Conflict(f"the job has ended: it is {job.state}"))
    client = product_of(request)
    await api.commands.cancel(job.id, principal(request).creator, client=client)
    return reply(Done())


@JOBS.route(
    "POST /v1/computing/jobs/{id}/retry",
    "Run a job again from where it failed, or from an earlier state",
    response("The job.", JobAnswer),
    {
        402: UNPAID,
        409: error("The job has not ended, or has completed and no state is named."),
        422: error("The job has not been in that state."),
    },
    scope=Scope.OPERATE,
    body=RetryJob,
    example={"onlyFailedChunks": True},
)
async def retry_bytenite_job(request: web.Request) -> web.Response:
    """Conveyor's own. What was done before that state stays done."""
    asked = await parsed_body(request, RetryJob)
    job = await operable_job(request)
    phase = phase_of(job.rows)
    if job.state not in _FINAL:
        raise coded(request, "invalid_state", Conflict("the job has not ended"))
    has_failed_chunks = bool(job.chunks and job.chunks["failed"])
    names_none = asked.only_failed_chunks is None or (
        asked.only_failed_chunks and not has_failed_chunks
    )
    if phase is Phase.COMPLETE and not asked.phase and names_none:
        refusal = Conflict("the job has not failed: name the phase from which it runs again")
        raise coded(request, "invalid_state", refusal)
    again = restart_of(
        asked,
        max(job.position, 1),
        has_failed=phase is Phase.FAILED,
        has_failed_chunks=has_failed_chunks,
    )
    try:
        await ports(request).commands.restart(job.id, again)
    except WrongState as reason:  # it is still being cancelled, or deleted
        raise coded(request, "invalid_state", Conflict(str(reason))) from None
    return await reply_job(request, job.name)


@JOBS.route(
    "DELETE /v1/computing/jobs/{id}",
    "Delete a draft or a job that has ended: it is no longer listed",
    response("It is deleted; by its id it can be read as long as it is kept.", JobAnswer),
    {409: error("The job runs: abort it first.")},
    scope=Scope.OPERATE,
)
async def delete_bytenite_job(request: web.Request) -> web.Response:
    job = await operable_job(request)
    if not job.is_held and job.state not in _FINAL:
        raise coded(request, "invalid_state", Conflict("the job runs: abort it first"))
    await ports(request).run(bytenite_jobs.mark_deleted, job.id)
    return await reply_job(request, job.name)


RUN_ROUTES = at_both(run_bytenite_job, abort_bytenite_job, retry_bytenite_job, delete_bytenite_job)
