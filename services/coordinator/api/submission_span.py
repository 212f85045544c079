"""A submission as a span of the job's trace, and of the client's own if it named one."""

import time

from aiohttp import web

from services.coordinator.api.requests import ports
from shared.tracing.protocol import Finished, from_traceparent, job_context

_TRACEPARENT = "traceparent"
_NAME = "POST /jobs"


def record_submission(request: web.Request, job_id: str, began: float) -> None:
    """`began` is in seconds since 1970. A client's trace and the job's are linked with each other:
    a job may outlive what has submitted it by days."""
    tracing = ports(request).tracing
    if not tracing.is_on:
        return
    ended, job = time.time(), job_context(job_id)
    facts = {"conveyor.job.id": job_id, "http.request.method": "POST", "http.route": "/jobs"}
    caller = from_traceparent(request.headers.get(_TRACEPARENT))
    served = None
    if caller is not None:
        served = tracing.record(
            Finished(
                name=_NAME,
                parent=caller,
                began=began,
                ended=ended,
                kind="server",
                facts=facts,
                links=[job],
            )
        )
    tracing.record(
        Finished(
            name="submit" if served else _NAME,
            parent=job,
            began=began,
            ended=ended,
            kind="producer" if served else "server",
            facts=facts,
            links=[served] if served else (),
        )
    )
