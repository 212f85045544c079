"""From a job of Arvados to the definition that every service reads: one task that runs its script.

The files of the commit come as an upload of the job, so that nothing that is done to the repository
later changes what runs.
"""

import json
import shlex

from shared import definition as d
from shared.expressions import quoted
from shared.jobspec.arvados import models as m

CODE = "code"
"""The upload with the files of the commit."""
_DIRECTORY = "crunch"
_SCRIPTS = "crunch_scripts"
_RESULT = "output"
_HIGHEST = 9


def compile_job(job: m.Job, code: str) -> d.JobDefinition:
    """`code` is the id of the upload."""
    task = d.TaskDefinition(
        name=literal(job.script),
        var=_RESULT,
        image=literal(job.runtime_constraints.get("docker_image", "")) or None,
        run=f"cd {_DIRECTORY} && exec {shlex.quote(f'./{_SCRIPTS}/{job.script}')}",
        env=_environment(job),
        priority=task_priority(job.priority),
        sources=(d.Source(upload=CODE, target=_DIRECTORY, extract=True),),
    )
    return d.JobDefinition(
        name=literal(job.script),
        description=literal(job.description or "") or None,
        tasks=(task,),
        uploads={CODE: code},
        output=f"{{{{ tasks.{_RESULT} }}}}",
    )


def _environment(job: m.Job) -> dict[str, str]:
    """The same for jobs that do the same: ids are put in when the task begins."""
    parameters = {
        f"JOB_PARAMETER_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in job.script_parameters.items()
    }
    return {name: literal(value) for name, value in parameters.items()} | {
        "JOB_UUID": "{{ job.id }}",
        "JOB_SCRIPT": literal(job.script),
        "TASK_UUID": "{{ job.id }}-0",
        "TASK_SEQUENCE": "0",
        "TASK_QSEQUENCE": "0",
    }


def task_priority(priority: int) -> int:
    """Of queues of tasks."""
    return min(priority * (_HIGHEST + 1) // m.MOST_PRIORITY, _HIGHEST)


def literal(text: str) -> str:
    """What looks like an expression of ours is none here."""
    return quoted(text) if "{{" in text else text
