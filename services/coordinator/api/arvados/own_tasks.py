"""/arvados/v1/job_tasks for the script of a task that runs, which shows its token: it makes tasks,
and reports how far its own is and how it ended."""

from typing import Any

from aiohttp import web

from services.coordinator.api.access.shown import Key, shown_by
from services.coordinator.api.arvados.groups import BODIES, INVALID, PREFIX, TASKS
from services.coordinator.api.arvados.job_tasks import (
    reply_task,
    reply_tasks,
    shown_new,
    task_called,
    uuid_of_child,
)
from services.coordinator.api.arvados.parameters import attributes, parameters
from services.coordinator.api.arvados.schemas import (
    ArvadosJobTask,
    ArvadosJobTaskList,
    SentJobTask,
)
from services.coordinator.api.errors import Conflict
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import Scope, response
from services.coordinator.api.tork.spawned import spawned_for
from services.coordinator.store import task_tokens
from services.coordinator.store.task_tokens import Holder
from shared.jobspec.arvados.job_tasks import JobTaskReport, NewJobTask, checked_task
from shared.jobspec.arvados.uuids import JOB, uuid_of
from shared.lifecycle import TaskProgressed
from shared.process.task_tokens import task_of

Tree = dict[str, Any]

_WITHIN = "job_task"
_NOT_ALLOWED = "only a task that runs may do this, with its token"


@TASKS.route(
    f"POST {PREFIX}/job_tasks",
    "Make a task, as a task of its job that runs; with _method=GET, list tasks",
    response("The task as it will be: it has no uuid yet.", ArvadosJobTask | ArvadosJobTaskList),
    {400: INVALID, 422: INVALID},
    scope=Scope.OPERATE,
    body=SentJobTask,
    body_types=BODIES,
    example={"job_task": {"sequence": 1, "parameters": {"input": "a part"}}},
)
async def create_arvados_job_task(request: web.Request) -> web.Response:
    """The token is `ARVADOS_API_TOKEN` of its script. The new task comes to be when that has
    succeeded; if the attempt ends otherwise, there is none."""
    given = await parameters(request)
    if given.get("_method") == "GET":
        return await reply_tasks(request, given)
    sent = checked_task(NewJobTask, attributes(given, _WITHIN))
    token, own = await _own(request)
    _require_own(own, sent.job_uuid, sent.created_by_job_task_uuid)
    task: Tree = {"parameters": sent.parameters}
    if sent.sequence is not None:
        task["sequence"] = sent.sequence
    spawned = spawned_for([task], own.job_id, ports(request).sealer)
    if await ports(request).run(task_tokens.make_tasks, token, None, spawned) is None:
        raise Conflict(_NOT_ALLOWED)
    sequence = (own.sequence or 0) + 1 if sent.sequence is None else sent.sequence
    return reply(shown_new(own.job_id, _uuid_of(own), sequence, sent.parameters))


@TASKS.route(
    f"PUT {PREFIX}/job_tasks/{{id}}",
    "Report the output, the progress and the success of a task, as that task",
    response("The task.", ArvadosJobTask),
    {422: INVALID},
    scope=Scope.OPERATE,
    body=SentJobTask,
    body_types=BODIES,
    example={"job_task": {"progress": 0.5}},
)
async def update_arvados_job_task(request: web.Request) -> web.Response:
    """The output counts before the one that the script leaves in a file. A script that reports
    that it has failed has, whatever its exit code; of one that reports success the code decides."""
    sent = checked_task(JobTaskReport, attributes(await parameters(request), _WITHIN))
    task = await task_called(request)
    token, own = await _own(request)
    if (task.job_id, task.qsequence) != (own.job_id, own.child_index):
        raise Conflict("a task reports only of itself")
    _require_own(own, sent.job_uuid, None)
    api, has_failed = ports(request), None if sent.success is None else not sent.success
    result = sent.output and api.sealer.kept_text(sent.output, is_secret=own.sealed is not None)
    if not await api.run(task_tokens.report_end, token, result, has_failed):
        raise Conflict(_NOT_ALLOWED)
    if sent.progress is not None:
        attempt = own.job_id, own.task_id, own.dispatch
        await api.commands.report_progress(TaskProgressed(*attempt, sent.progress * 100))
    return await reply_task(request)


@TASKS.route(
    f"DELETE {PREFIX}/job_tasks/{{id}}",
    "Refused: a task is deleted with its job",
    response("Never: the answer is an error.", ArvadosJobTask),
    {422: INVALID},
    scope=Scope.OPERATE,
)
async def delete_arvados_job_task(request: web.Request) -> web.Response:
    await task_called(request)
    raise Conflict("a task is deleted with its job, once that has ended")


async def _own(request: web.Request) -> tuple[str, Holder]:
    """The token that is shown, and whose it is. Raises Conflict."""
    shown = shown_by(request)
    token = shown.text if isinstance(shown, Key) and task_of(shown.text) else ""
    holder = await ports(request).run(task_tokens.holder_of, token)
    if holder is None:
        raise Conflict(_NOT_ALLOWED)
    return token, holder


def _require_own(own: Holder, job_uuid: str | None, creator: str | None) -> None:
    """Raises Conflict."""
    if job_uuid not in (None, own.job_id, uuid_of(JOB, own.job_id)):
        raise Conflict("job_uuid: must be that of the job of the task")
    if creator not in (None, f"{own.job_id}-{own.child_index}", _uuid_of(own)):
        raise Conflict("created_by_job_task_uuid: must be that of the task itself")


def _uuid_of(own: Holder) -> str:
    return uuid_of_child(own.parent_id or "", own.child_index or 0)


OWN_TASK_ROUTES = (create_arvados_job_task, update_arvados_job_task, delete_arvados_job_task)
