"""From the document of a job to what is stored of it: checked, bound to what it runs, compiled."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.bytenite.binding import Binding, bind
from services.coordinator.api.bytenite.data import data_of
from services.coordinator.api.bytenite.data_sources import with_keys_stored
from services.coordinator.api.idempotency import idempotency_key
from services.coordinator.api.requests import ports
from services.coordinator.api.tork.locks import shown_lock
from services.coordinator.store.bytenite_jobs import LANGUAGE, NAMESPACE, ByteniteJob
from shared.jobspec.bytenite import models as m
from shared.jobspec.bytenite.building_blocks import Engine
from shared.jobspec.bytenite.compilation import Data, compile_job
from shared.jobspec.bytenite.form import Tree
from shared.jobspec.bytenite.parsing import check_job, with_defaults
from shared.jobspec.cron.moments import moment_of
from shared.jobspec.deadlines import deadline_problems
from shared.jobspec.json_schema import MISSING, JsonSchema
from shared.jobspec.partition.builtins import Stage, params_problems
from shared.jobspec.problems import InvalidJob, Problem
from shared.planning.new_job import NamedDocument, NewJob
from shared.planning.submission import new_job


@dataclass(frozen=True, slots=True)
class Draft:
    """`job` has what its template says for it; `document` is what was submitted."""

    document: Tree
    job: m.Job
    binding: Binding
    data: Data


async def drafted(
    request: web.Request, document: Tree, owner: str | None, *, is_run: bool = False
) -> Draft:
    """`owner` is the creator of the job. Raises InvalidJob with all that is wrong, Conflict,
    NotFound for a job that it would read and that the request may not see."""
    given = check_job(document)
    binding = await bind(request, given.template_id, is_run=is_run)
    job = with_defaults(given, binding.template)
    problems = list(_problems(job, binding, is_run=is_run))
    app_secrets = binding.bound.app.platform_config.secrets if is_run else ()
    data = await data_of(request, job, app_secrets, owner, problems)
    if problems:
        raise InvalidJob(problems)
    return Draft(given.shown(), job, binding, data)


def _problems(job: m.Job, binding: Binding, *, is_run: bool) -> Iterator[Problem]:
    """A draft may lack what it needs to run."""
    bound, params = binding.bound, job.params
    engines: tuple[tuple[str, Stage, Engine | str, Tree], ...] = (
        ("partitioner", "partition", bound.partitioner, params.partitioner),
        ("assembler", "assemble", bound.assembler, params.assembler),
    )
    for name, stage, engine, given in engines:
        if isinstance(engine, str):
            for place, rule in params_problems(stage, engine, given):
                if is_run or (place and place[0] in given):
                    path = ("params", name, *place)
                    yield Problem(".".join(map(str, path)), rule, place=path)
    for name, schema in binding.schemas.items():
        for problem in JsonSchema(schema).problems(getattr(params, name), ("params", name)):
            if is_run or problem.rule != MISSING:
                yield problem
    if is_run:
        deadline = moment_of(job.deadline) if job.deadline else None
        yield from deadline_problems(deadline, datetime.now(UTC))
    if is_run and job.data_source is None:
        yield Problem("dataSource", "is required: with the descriptor bypass there is no input")


def new_version(
    request: web.Request, draft: Draft, job_id: str, name: str, *, hold: bool, reason: str
) -> NewJob:
    """`name` is the job's id as its client calls it."""
    definition = compile_job(draft.job, name, draft.binding.bound, draft.data, hold=hold)
    new = new_job(definition, job_id, datetime.now(UTC), created_by=principal(request).creator)
    info = draft.binding.info
    document = {**draft.document, "templateInfo": info, "appId": info["app"]}
    named = NamedDocument(
        namespace=NAMESPACE, name=name, labels={}, document=document, language=LANGUAGE
    )
    return replace(new, named=named, reason=reason)


async def replaced(
    request: web.Request, job: ByteniteJob, draft: Draft, *, reason: str, is_run: bool = False
) -> None:
    """The draft has this version now. Raises CannotUpdate when it has changed meanwhile."""
    new = new_version(request, draft, job.id, job.name, hold=True, reason=reason)
    key = await idempotency_key(request) if is_run else None
    new = replace(new, key=key, size=len(await request.read()), lender_id=job.id)
    await ports(request).commands.update(new, base_version=job.version, lock=shown_lock(request))


async def edited(request: web.Request, job: ByteniteJob, changes: Tree) -> Tree:
    """Its document with other values for these fields, each as a whole."""
    return {**job.document, **await with_keys_stored(request, changes, job.id)}
