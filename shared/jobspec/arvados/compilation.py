"""From a job of Arvados to the definition that every service reads: a task that runs its script,
and that makes further ones, which run it as well.

The files of the commit come as an upload of the job, so that nothing that is done to the repository
later changes what runs.
"""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from shared import definition as d
from shared.definition.quantities import Amount
from shared.expressions import quoted
from shared.jobspec.arvados import models as m
from shared.jobspec.arvados.constraints import (
    image_of,
    memory_of_a_task,
    placement_of,
    tasks_at_once,
)

CODE = "code"
"""The upload with the files of the commit."""
_DIRECTORY = "crunch"
_SCRIPTS = "crunch_scripts"
_RESULT = "output"
_HIGHEST = 9
_RUN = """\
case "${TORK_API_URL-}" in
https://*)
    export ARVADOS_API_HOST="${TORK_API_URL#https://}"
    export ARVADOS_API_TOKEN="$TORK_TASK_TOKEN" ;;
esac
cd %s && exec %s"""
"""Clients of Arvados' API know no other scheme."""


def compile_job(job: m.Job, code: str) -> d.JobDefinition:
    """`code` is the id of the upload."""
    placement = placement_of(job.runtime_constraints)
    memory = memory_of_a_task(job.runtime_constraints)
    task = d.TaskDefinition(
        name=literal(job.script),
        image=literal(image_of(job.runtime_constraints)) or None,
        run=_RUN % (_DIRECTORY, shlex.quote(f"./{_SCRIPTS}/{job.script}")),
        env=_environment(job),
        priority=task_priority(job.priority),
        placement=placement,
        **_memory(memory, grows=placement is None),
        sources=(d.Source(upload=CODE, target=_DIRECTORY, extract=True),),
    )
    spawn = d.Spawn(task=task, concurrency=tasks_at_once(job.runtime_constraints))
    all_tasks = d.TaskDefinition(name=task.name, var=_RESULT, spawn=spawn)
    return d.JobDefinition(
        name=literal(job.script),
        description=literal(job.description or "") or None,
        tasks=(all_tasks,),
        uploads={CODE: code},
        output=f"{{{{ join(tasks.{_RESULT}, '') }}}}",
    )


def _memory(size: int | None, *, grows: bool) -> Mapping[str, Any]:
    """It is a minimum: a task that needs more is tried again with more, unless it is placed and has
    the room that it was given."""
    if size is None:
        return {}
    limits = d.Limits(memory=Amount(size, f"{size}b"))
    if not grows:
        return {"limits": limits}
    on = (d.TEMPORARY_EXIT_CODE, "lost", "memory")
    return {"limits": limits, "retry": d.Retry(limit=2, on=on, memory_factor=2.0)}


def _environment(job: m.Job) -> dict[str, str]:
    """The same for jobs that do the same: ids are put in when the task begins."""
    parameters = {
        f"JOB_PARAMETER_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in job.script_parameters.items()
    }
    return {name: literal(value) for name, value in parameters.items()} | {
        "JOB_UUID": "{{ job.id }}",
        "JOB_SCRIPT": literal(job.script),
        "TASK_UUID": "{{ job.id }}-{{ item.index }}",
        "TASK_SEQUENCE": "{{ item.sequence }}",
        "TASK_QSEQUENCE": "{{ item.index }}",
    }


def task_priority(priority: int) -> int:
    """Of queues of tasks."""
    return min(priority * (_HIGHEST + 1) // m.MOST_PRIORITY, _HIGHEST)


def literal(text: str) -> str:
    """What looks like an expression of ours is none here."""
    return quoted(text) if "{{" in text else text
