"""Jobs that clients of Arvados submit: a script at its commit, and what may be their answer."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import readers_of
from services.coordinator.api.arvados.parameters import attributes, parameters, takes_alike
from services.coordinator.api.arvados.ranges import RANGE_NAMES, CommitRange, range_of
from services.coordinator.api.arvados.repositories import code_of, commits_in
from services.coordinator.api.idempotency import idempotency_key
from services.coordinator.api.requests import ports
from services.coordinator.api.tork.fingerprints import wanted_reuse
from services.coordinator.store import arvados_jobs
from services.coordinator.store.arvados_jobs import LANGUAGE, NAMESPACE
from services.coordinator.store.job_versions import WholeVersion
from shared.definition import Reuse
from shared.jobspec.arvados.compilation import CODE, compile_job
from shared.jobspec.arvados.models import Job, checked
from shared.jobspec.arvados.uuids import JOB, uuid_of
from shared.jobspec.problems import InvalidJob
from shared.planning.fingerprint import job_fingerprint
from shared.planning.new_job import NamedDocument, NewJob
from shared.planning.reuse import WantedReuse
from shared.planning.submission import new_job, new_job_id

Tree = dict[str, Any]


async def submitted_job(request: web.Request, given: Tree) -> NewJob:
    """Of the parameters of a create. Raises InvalidJob, Unprocessable, BadRequest."""
    asked = attributes(given)
    is_alike_taken = takes_alike(given, asked)
    ranges = {name: asked[name] for name in RANGE_NAMES if name in asked}
    asked = {n: value for n, value in asked.items() if n != "no_reuse" and n not in RANGE_NAMES}
    job, job_id = checked_job(asked), new_job_id()
    asked_range = range_of({**ranges, **given}, job)
    new = await new_arvados_job(request, job, job_id, uuid_of(JOB, job_id))
    if is_alike_taken:
        rules = Reuse(scope="readable", nondeterministic=job.nondeterministic)
        wanted = await wanted_reuse(request, new, rules)
        if asked_range is not None:
            wanted = await _of_range(request, new, wanted, job, asked_range)
        new = replace(new, reuse=wanted)
    key = await idempotency_key(request, job.submit_id or "")
    return replace(new, readers=readers_of(request, ()), size=len(await request.read()), key=key)


async def _of_range(
    request: web.Request, new: NewJob, wanted: WantedReuse, job: Job, asked: CommitRange
) -> WantedReuse:
    """A job with other files of the commits in the range would have another fingerprint."""
    assert new.named is not None  # noqa: S101 - jobs of this API are
    api, commit = ports(request), str(new.named.document["script_version"])
    commits = await commits_in(request, job, commit, asked)
    sums = await api.run(arvados_jobs.checksums_of_code, job.repository, commits)
    fingerprint = partial(job_fingerprint, new.definition, keyed=api.sealer.keyed_hash)
    others = [fingerprint(uploads={CODE: checksum}).digest for checksum in sums]
    own = wanted.fingerprint.digest
    return replace(wanted, others=others, takes_own=commit in commits or own in others)


def checked_job(tree: Tree) -> Job:
    """Raises InvalidJob."""
    job, problems = checked(tree)
    if job is None:
        raise InvalidJob(problems)
    return job


async def new_arvados_job(request: web.Request, job: Job, job_id: str, uuid: str) -> NewJob:
    commit, code = await code_of(request, job)
    document = job.model_dump() | {
        "script_version": commit,
        "supplied_script_version": job.script_version,
    }
    definition = compile_job(job, code)
    new = new_job(definition, job_id, datetime.now(UTC), created_by=principal(request).creator)
    named = NamedDocument(
        namespace=NAMESPACE, name=uuid, labels={}, document=document, language=LANGUAGE
    )
    return replace(new, named=named)


async def new_version_of(request: web.Request, job_id: str, stored: WholeVersion) -> NewJob:
    """A job as the body has it, whole. Raises InvalidJob, BadRequest."""
    job = checked_job(attributes(await parameters(request)))
    return await new_arvados_job(request, job, job_id, stored.name or job_id)
