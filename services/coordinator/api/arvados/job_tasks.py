"""/arvados/v1/job_tasks: the tasks of jobs, each by its newest attempt."""

import json
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.arvados.groups import INVALID, PREFIX, TASKS
from services.coordinator.api.arvados.listing import listing, reply_page, select_of, selected
from services.coordinator.api.arvados.parameters import parameters
from services.coordinator.api.arvados.schemas import ArvadosJobTask, ArvadosJobTaskList
from services.coordinator.api.arvados.views import etag_of, node_uuid, user_uuid
from services.coordinator.api.errors import NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import response
from services.coordinator.store import arvados_tasks
from services.coordinator.store.arvados_tasks import ArvadosTask
from shared.jobspec.arvados.uuids import JOB, TASK, id_beginning, uuid_from, uuid_of
from shared.lifecycle import derived_id
from shared.planning.disclosure import redacting

Tree = dict[str, Any]

_IN_TURN = (("job_uuid", False), ("sequence", False), ("qsequence", False))
_BY_NUMBER = re.compile(r"([0-9a-zA-Z]{1,64})-([0-9]{1,9})")
_SUCCESS = {
    "COMPLETED": True,
    "SKIPPED": True,
    "FAILED": False,
    "CANCELLED": False,
    "STOPPED": False,
}


@TASKS.route(
    f"GET {PREFIX}/job_tasks",
    "List tasks of jobs: filters, where, order, limit, offset, select, distinct, count",
    response("A page of tasks.", ArvadosJobTaskList),
    {400: INVALID, 422: INVALID},
)
async def list_arvados_job_tasks(request: web.Request) -> web.Response:
    """Those of jobs of Arvados' API; looked for among the newest 10,000."""
    return await reply_tasks(request, await parameters(request))


@TASKS.route(
    f"GET {PREFIX}/job_tasks/{{id}}",
    "Show a task of a job",
    response("The task.", ArvadosJobTask),
    {422: INVALID},
)
async def get_arvados_job_task(request: web.Request) -> web.Response:
    return await reply_task(request)


async def reply_tasks(request: web.Request, given: Tree) -> web.Response:
    asked = listing(given, _IN_TURN)
    jobs = asked.values_of("job_uuid")
    found, show = await _tasks(request, jobs), partial(_shown, request)
    return await reply_page(request, asked, found, show, "arvados#jobTaskList")


async def reply_task(request: web.Request) -> web.Response:
    """As it is now."""
    select = select_of(await parameters(request))
    return reply(selected(_shown(request, await task_called(request)), select))


async def task_called(request: web.Request) -> ArvadosTask:
    """By its uuid, or by the id of its job and its number, as its script knows it. Raises
    NotFound."""
    api, who, found = ports(request), principal(request), None
    name = request.match_info["id"]
    if beginning := id_beginning(TASK, name):
        found = await api.run(arvados_tasks.task_by_id, beginning, who.readers)
    elif by_number := _BY_NUMBER.fullmatch(name):
        job_id, number = by_number[1], int(by_number[2])
        found = await api.run(arvados_tasks.task_by_number, job_id, number, who.readers)
    if found is None or who.job_id not in (None, found.job_id):
        raise NotFound("no such task")
    return found


async def _tasks(request: web.Request, jobs: Sequence[str] | None) -> list[ArvadosTask]:
    """A task that asks sees those of its own job."""
    who = principal(request)
    found = await ports(request).run(
        arvados_tasks.tasks, jobs if who.job_id is None else [who.job_id], who.readers
    )
    return [task for task in found if jobs is None or {task.job_id, task.job_uuid} & set(jobs)]


def _shown(request: web.Request, task: ArvadosTask) -> Tree:
    redact = redacting(ports(request).sealer, task.sealed)
    uuid = uuid_from(TASK, task.first_id)
    changed_at = task.ended_at or task.started_at or task.created_at
    return {
        "uuid": uuid,
        "kind": "arvados#jobTask",
        "href": f"/job_tasks/{uuid}",
        "etag": etag_of(task.first_id, task.state, task.progress, changed_at),
        "owner_uuid": user_uuid(task.created_by),
        "created_at": task.created_at,
        "modified_at": changed_at,
        "modified_by_user_uuid": user_uuid(task.created_by),
        "modified_by_client_uuid": None,
        "job_uuid": task.job_uuid,
        "created_by_job_task_uuid": _creator(task),
        "sequence": task.sequence,
        "qsequence": task.qsequence,
        "parameters": redact.value(json.loads(task.parameters)) if task.parameters else {},
        "output": redact.value(task.result) or None,
        "progress": 1.0 if task.state == "COMPLETED" else task.progress / 100,
        "success": _SUCCESS.get(task.state),
        "started_at": task.started_at,
        "finished_at": task.ended_at,
        "node_uuid": node_uuid(task.node_id) if task.node_id else None,
    }


def _creator(task: ArvadosTask) -> str | None:
    if not task.parent_id or not task.creator:
        return None
    return uuid_of_child(task.parent_id, int(task.creator))


def uuid_of_child(parent_id: str, number: int) -> str:
    """The first attempt at it names it."""
    return uuid_from(TASK, derived_id(parent_id, number))


def shown_new(job_id: str, creator: str, sequence: int, parameters: Tree) -> Tree:
    """A task that comes to be when `creator` has succeeded."""
    return {
        "kind": "arvados#jobTask",
        "job_uuid": uuid_of(JOB, job_id),
        "created_by_job_task_uuid": creator,
        "sequence": sequence,
        "qsequence": None,
        "parameters": parameters,
        "output": None,
        "progress": 0.0,
        "success": None,
        "started_at": None,
        "finished_at": None,
        "node_uuid": None,
    }


TASK_ROUTES = (list_arvados_job_tasks, get_arvados_job_task)
