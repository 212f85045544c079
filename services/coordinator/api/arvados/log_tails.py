"""/arvados/v1/jobs/{id}/log_tail_follow: the last of a job's log, and what comes to it."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from services.coordinator.api.arvados.groups import JOBS, PREFIX
from services.coordinator.api.arvados.jobs import job_called
from services.coordinator.api.events import stream_subject
from services.coordinator.api.requests import Query, ports, query
from services.coordinator.api.route import Response
from services.coordinator.live.hub import Interest
from services.coordinator.live.renderings import JobLogText
from services.coordinator.store.log_parts import tail_of_job
from services.coordinator.store.logs import Subject
from shared.planning.disclosure import redactors

_MOST_BYTES = 1 << 24


class TailQuery(Query):
    """How much of what is there."""

    buffer_size: Annotated[
        int,
        Field(
            ge=0,
            le=_MOST_BYTES,
            description="The last bytes of what has been written: so many, and up to a part more.",
        ),
    ] = 8192


@JOBS.route(
    f"GET {PREFIX}/jobs/{{id}}/log_tail_follow",
    "Read the last of a job's log, and follow it until the job has ended",
    Response("The text of the log.", {"text/plain": None}),
    query=TailQuery,
)
async def follow_arvados_log(request: web.Request) -> web.StreamResponse:
    """It begins with the part of the log in which the last `buffer_size` bytes begin."""
    job = await job_called(request)
    start = await ports(request).run(tail_of_job, job.id, query(request, TailQuery).buffer_size)
    subject = Subject(job.id, sealed=job.sealed)
    rendering = JobLogText(redactors(ports(request).sealer))
    return await stream_subject(request, subject, Interest(job_id=job.id), start, rendering)
