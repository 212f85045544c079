"""With what a request submits a job: kept with the job, for its provenance."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.shown import product_of
from services.coordinator.commands import Submitter


def submitter_of(request: web.Request) -> Submitter:
    return Submitter(product_of(request), principal(request).key_name)
