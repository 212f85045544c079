"""PUT /jobs/{id}/priority: how urgent a job is from now on."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.schemas import Body, read_body
from services.coordinator.api.access.visibility import require_operable
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import path_id, ports
from services.coordinator.api.route import DONE, Scope, error
from services.coordinator.api.tork.jobs import JOBS
from shared.broker.protocol import MAX_PRIORITY


class NewPriority(Body):
    priority: Annotated[int, Field(ge=0, le=MAX_PRIORITY)]
    """Higher goes first within a queue."""


@JOBS.route(
    "PUT /jobs/{id}/priority",
    "Change the priority of a job that has not ended: what waits of it is queued again",
    DONE,
    {400: error("The priority is missing or not 0 to 9, or the job has ended.")},
    scope=Scope.OPERATE,
    body=NewPriority,
    example={"priority": 7},
)
async def prioritize_job(request: web.Request) -> web.Response:
    """It takes the place of the priorities of all its tasks, of those in queues and of those that
    begin later; what runs goes on. Sub-jobs that the job waits for get it, too."""
    job_id = path_id(request, "job")
    await require_operable(request, job_id)
    asked = await read_body(request, NewPriority)
    await ports(request).commands.prioritize(job_id, asked.priority)
    return reply(Status())
