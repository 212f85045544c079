"""What a submission with `reuse` asks for: the fingerprint of its job, and whose jobs will do."""

from functools import partial

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.background import in_background
from services.coordinator.api.requests import ports
from shared.definition import Reuse
from shared.planning.fingerprint import job_fingerprint
from shared.planning.new_job import NewJob
from shared.planning.reuse import WantedReuse
from shared.store.reuse import checksums


async def wanted_reuse(
    request: web.Request, new: NewJob, rules: Reuse, namespace: str = ""
) -> WantedReuse:
    """Uploads count by their content. `namespace` as in `job_fingerprint`."""
    api, definition = ports(request), new.definition
    uploads = definition.uploads and await api.run(checksums, definition.uploads)
    taking = partial(job_fingerprint, definition, uploads, api.sealer.keyed_hash, namespace)
    return WantedReuse(
        rules=rules,
        fingerprint=await in_background(request, taking),
        owner=new.created_by,
        readers=principal(request).readers,
        webhooks=len(definition.webhooks),
    )
