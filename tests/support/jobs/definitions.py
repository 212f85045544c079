"""Definitions of tasks and jobs, from what a client writes in Tork's language."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.definition import JobDefinition, TaskDefinition, Webhook, changed
from shared.jobspec.tork.compilation import compile_job, compile_task
from shared.jobspec.tork.models import SubjobTask, SubmittedJob

HELLO = """
name: hello
description: says it
tags: [greeting, demo]
inputs: {who: world, times: 3}
tasks:
  - name: say
    image: ubuntu:mantic
    run: echo hello
"""
"""A job of one task, with a field of each kind that lists show."""

TaskLike = Mapping[str, Any] | TaskDefinition
"""In Tork's language, or (what that would not take) as it is."""


def task_definition(task: TaskLike) -> TaskDefinition:
    if isinstance(task, TaskDefinition):
        return task
    return compile_task(SubjobTask.model_validate(dict(task)))


def job_definition(tasks: Sequence[TaskLike], **fields: Any) -> JobDefinition:
    """Called "a job" unless `fields` say otherwise.

    `output` may be no expression, the `url` of a webhook none, and `uploads` no ids: what
    evaluation can come to.
    """
    output = fields.pop("output", None)
    webhooks = tuple(map(_webhook, fields.pop("webhooks", ())))
    uploads = fields.pop("uploads", {})
    some = [{"name": "a task"}]
    job = compile_job(SubmittedJob.model_validate({"name": "a job", "tasks": some, **fields}))
    listed = tuple(map(task_definition, tasks))
    return changed(job, output=output, webhooks=webhooks, uploads=uploads, tasks=listed)


def _webhook(webhook: Mapping[str, Any]) -> Webhook:
    fields = {"condition" if name == "if" else name: value for name, value in webhook.items()}
    return Webhook(**fields)
