"""The source of a draft that is a file: where it is sent to, and what it is once it was sent."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.bytenite.drafts import drafted, edited, replaced
from services.coordinator.api.bytenite.error_form import coded
from services.coordinator.api.bytenite.groups import JOBS, at_both
from services.coordinator.api.bytenite.links import sent_upload
from services.coordinator.api.bytenite.lookup import (
    is_of_file,
    operable_job,
    reply_job,
    require_draft,
    upload_id_of,
)
from services.coordinator.api.bytenite.schemas import JobAnswer
from services.coordinator.api.errors import Conflict
from services.coordinator.api.route import Scope, error, response
from services.coordinator.store.bytenite_jobs import ByteniteJob
from shared.jobspec.bytenite.form import Tree


@JOBS.route(
    "PATCH /v1/computing/jobs/{id}/uploadcompleted",
    "Tell that the file was sent that a draft takes its data from",
    response("The job.", JobAnswer),
    {409: error("The file was not sent, the source is no file, or the job was run already.")},
    scope=Scope.SUBMIT,
)
async def complete_bytenite_upload(request: web.Request) -> web.Response:
    job = await operable_job(request)
    require_draft(request, job)
    if not is_of_file(job.document):
        refusal = Conflict("dataSource: must be a file: nothing is sent to this job")
        raise coded(request, "invalid_state", refusal)
    document = await with_upload(request, job, job.document)
    changes = {"dataSource": document["dataSource"]}
    draft = await drafted(request, await edited(request, job, changes), job.created_by)
    await replaced(request, job, draft, reason="uploaded")
    return await reply_job(request, job.name)


async def with_upload(request: web.Request, job: ByteniteJob, document: Tree) -> Tree:
    """With the file that was sent. Raises Conflict while none was."""
    sent = await sent_upload(request, upload_id_of(job), principal(request).creator)
    source = document["dataSource"]
    params = {**(source.get("params") or {}), "uploadId": sent.id}
    return {**document, "dataSource": {**source, "params": {"name": sent.name, **params}}}


UPLOAD_ROUTES = at_both(complete_bytenite_upload)
