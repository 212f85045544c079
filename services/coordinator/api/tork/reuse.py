"""Reuse: why submissions were answered with a job, whether one would be, and jobs that are not to
be reused."""

from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import require_operable, require_visible
from services.coordinator.api.background import in_background
from services.coordinator.api.errors import BadRequest
from services.coordinator.api.replies import Fields, Status, reply, set_fields
from services.coordinator.api.requests import path_id, ports, whole_body
from services.coordinator.api.route import DONE, Scope, error, response
from services.coordinator.api.tork.fingerprints import wanted_reuse
from services.coordinator.api.tork.jobs import JOBS
from services.coordinator.api.tork.schemas.reuse import JobReuse, ReuseCheck
from services.coordinator.api.tork.submission import new_job_of
from shared.definition import Reuse
from shared.jobspec.tork.models import JobSpec
from shared.jobspec.tork.parsing import JSON_TYPES, YAML_TYPES, parse_job
from shared.store import reuse


@JOBS.route(
    "GET /jobs/{id}/reuse",
    "Explain which submissions were answered with a job, and why",
    response("The last submissions, with the rules that decided.", JobReuse),
)
async def get_job_reuse(request: web.Request) -> web.Response:
    job_id = path_id(request, "job")
    await require_visible(request, job_id)
    found = await ports(request).run(reuse.reuse_of, job_id)
    if found is None:
        return reply({"submissions": []})
    fields = set_fields({"nondeterministic": found.chance, "bannedAt": found.banned_at})
    if found.banned_at:
        fields["bannedBy"] = found.banned_by
    shown = list(map(_submission, found.decisions))
    return reply({"fingerprint": found.fingerprint, **fields, "submissions": shown})


@JOBS.route(
    "POST /jobs/{id}/reuse/ban",
    "Answer no submission with a job any more",
    DONE,
    {400: error("The job was submitted without `reuse`.")},
    scope=Scope.OPERATE,
)
async def ban_job_reuse(request: web.Request) -> web.Response:
    job_id = path_id(request, "job")
    await require_operable(request, job_id)
    if not await ports(request).run(reuse.ban, job_id, principal(request).creator):
        raise BadRequest("the job was submitted without reuse: no submission is answered with it")
    return reply(Status())


@JOBS.route(
    "POST /jobs/reuse/check",
    "Check which job would answer a submission; nothing is stored",
    response("The job that does the same work, or why there is none.", ReuseCheck),
    {400: error("The job breaks a rule; the message names field, value and rule.")},
    scope=Scope.SUBMIT,
    body=JobSpec,
    body_types=(*JSON_TYPES, *YAML_TYPES),
    example={"name": "hello", "tasks": [{"name": "say hello", "run": "echo hello"}], "reuse": True},
)
async def check_reuse(request: web.Request) -> web.Response:
    """A job without `reuse` is looked at as one with `reuse: true`."""
    body, content_type = await whole_body(request), request.headers.get("Content-Type", "")
    spec = await in_background(request, partial(parse_job, body, content_type))
    new = await new_job_of(request, spec)
    wanted = new.reuse or await wanted_reuse(request, new, Reuse())
    verdict = await ports(request).run(reuse.check, wanted, datetime.now(UTC))
    shown: Fields = {
        "fingerprint": wanted.fingerprint.digest,
        "steps": [asdict(step) for step in verdict.steps],
    }
    near = verdict.nearest and _nearest(asdict(verdict.nearest))
    return reply(
        shown
        | set_fields(
            {"jobId": verdict.job_id, "nondeterministic": wanted.chance, "nearestMiss": near}
        )
    )


def _submission(decision: reuse.Decision) -> Fields:
    shown = {
        "createdAt": decision.created_at,
        "createdBy": decision.created_by,
        "reused": decision.is_reused,
        "steps": decision.steps,
    }
    near = decision.nearest and _nearest(decision.nearest)
    ids = {"submissionId": decision.submission_id, "detachedAt": decision.detached_at}
    return shown | set_fields({**ids, "nearestMiss": near})


def _nearest(near: Any) -> Fields:  # noqa: ANN401 - JSON
    return {
        "jobId": near["job_id"],
        "differences": near["differences"],
        "count": near["count"],
    }
