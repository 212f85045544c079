"""POST /jobs/{id}/tasks: what a task that runs makes, shown by its token."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.schemas import Body, read_body
from services.coordinator.api.access.shown import Key, shown_by
from services.coordinator.api.access.visibility import require_operable
from services.coordinator.api.errors import BadRequest, Conflict
from services.coordinator.api.idempotency import IDEMPOTENCY_KEY, idempotency_key, reused
from services.coordinator.api.replies import Answer, reply
from services.coordinator.api.requests import path_id, ports
from services.coordinator.api.route import Scope, error, response
from services.coordinator.api.tork.jobs import JOBS
from services.coordinator.store import task_tokens
from services.coordinator.store.task_tokens import Holder, Made
from shared.messages import Spawned
from shared.messages.spawned import MOST_SPAWNED, MOST_SPAWNED_BYTES, read_spawned
from shared.planning.new_job import IdempotencyKey
from shared.planning.secrets import hidden_values
from shared.process.redaction import Redactor
from shared.process.sealing import Sealer, SealingError

_MOST_AT_ONCE = 1000
_NOT_ALLOWED = "only a running task of this job with a `spawn` may do this, with its token"


class NewTasks(Body):
    tasks: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=_MOST_AT_ONCE)]
    """Each with `parameters`, `sequence` and `name`, as a line of `$TORK_SPAWN`."""


class MadeTasks(Answer):
    """What a task has made."""

    count: int
    """How many it has made by requests so far."""


@JOBS.route(
    "POST /jobs/{id}/tasks",
    "Make tasks, as a task of the job with a `spawn`",
    response("How many the task has made so far.", MadeTasks),
    {
        409: error(
            "The token is not that of a running task of this job, or the `Idempotency-Key` was "
            "used with another body."
        )
    },
    scope=Scope.OPERATE,
    body=NewTasks,
    example={"tasks": [{"name": "read news", "parameters": {"page": "news"}}]},
    headers=(IDEMPOTENCY_KEY,),
)
async def make_tasks(request: web.Request) -> web.Response:
    """The token is `$TORK_TASK_TOKEN` of the task. The new tasks come to be when it has succeeded;
    if the attempt ends otherwise, there are none."""
    job_id, api = path_id(request, "job"), ports(request)
    if principal(request).job_id is None:
        await require_operable(request, job_id)
    sent = await read_body(request, NewTasks)
    shown = shown_by(request)
    token = shown.text if isinstance(shown, Key) else ""
    key = await idempotency_key(request)
    spawned = spawned_for(sent.tasks, job_id, api.sealer, key)
    count = await api.run(task_tokens.make_tasks, token, key, spawned)
    if count is None:
        raise Conflict(_NOT_ALLOWED)
    return reply(MadeTasks(count=count))


def spawned_for(
    tasks: Sequence[Mapping[str, Any]],
    job_id: str,
    sealer: Sealer,
    key: IdempotencyKey | None = None,
) -> Callable[[Holder, Made], Sequence[Spawned]]:
    """For `make_tasks`, with what a task of the job sends."""

    def spawned(holder: Holder, made: Made) -> Sequence[Spawned]:
        """Raises Conflict, BadRequest."""
        if holder.job_id != job_id or holder.sequence is None:
            raise Conflict(_NOT_ALLOWED)
        if key is not None and made.is_other:
            raise Conflict(reused(key.key))
        try:
            redactor = Redactor(hidden_values(sealer.secrets_in(holder.sealed)))
        except SealingError as error:  # a key is missing
            raise Conflict(f"secrets: {error}") from None
        is_secret = holder.sealed is not None
        found = [_read(n, one, holder.sequence) for n, one in enumerate(tasks)]
        size = made.bytes + sum(len(one.parameters.encode()) for one in found)
        if made.tasks + len(found) > MOST_SPAWNED or size > MOST_SPAWNED_BYTES:
            most = f"{MOST_SPAWNED:,}, with parameters of 2 MiB together"
            raise BadRequest(f"tasks: one task makes at most {most}")
        return [
            one.model_copy(
                update={
                    "parameters": sealer.kept_text(one.parameters, is_secret=is_secret),
                    "name": one.name and redactor.text(one.name),
                }
            )
            for one in found
        ]

    return spawned


def _read(place: int, given: Mapping[str, Any], sequence: int) -> Spawned:
    try:
        return read_spawned(given, sequence)
    except ValueError as error:
        raise BadRequest(f"tasks[{place}]: {error}") from None
