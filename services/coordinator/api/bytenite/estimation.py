"""/v1/computing/jobs/estimation/{id}: what a job will probably cost."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.bytenite.groups import JOBS, at_both
from services.coordinator.api.bytenite.lookup import job_of
from services.coordinator.api.bytenite.wallet_schemas import EstimationAnswer, EstimationView
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import response
from services.coordinator.store.bytenite_jobs import ByteniteJob
from services.coordinator.store.past_runs import past_runs, size_of
from shared.planning.estimates import Estimate, estimate


async def estimated(request: web.Request, job: ByteniteJob) -> Estimate:
    """By the prices of today."""
    api = ports(request)
    past = await api.run(past_runs, job.document.get("appId", ""), principal(request).readers)
    size = await api.run(size_of, job.id)
    return estimate(past, size, api.terms.rates)


@JOBS.route(
    "GET /v1/computing/jobs/estimation/{id}",
    "Estimate what a job costs",
    response("The estimate; `confidence` is `none` where there is no history.", EstimationAnswer),
)
async def estimate_bytenite_job(request: web.Request) -> web.Response:
    found = await estimated(request, await job_of(request))
    return reply(
        EstimationAnswer(
            estimation=EstimationView(
                total_estimation=float(found.amount),
                low=float(found.low),
                high=float(found.high),
                unit=ports(request).terms.unit,
                cpu_seconds=float(found.cpu_seconds),
                confidence=found.confidence,
                runs=found.runs,
                basis=found.basis,
                units=found.units,
            )
        )
    )


ESTIMATION_ROUTES = at_both(estimate_bytenite_job)
