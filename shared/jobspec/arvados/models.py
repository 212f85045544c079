"""A job of Arvados as it is submitted: its attributes and their types."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.jobspec.arvados.constraints import broken_constraints
from shared.jobspec.problems import Problem
from shared.jobspec.tork.explanations import problem_of
from shared.process.redaction import Redactor

Tree = dict[str, Any]

READ_ONLY = frozenset(
    {
        "arvados_sdk_version",
        "cancelled_by_client_uuid",
        "cancelled_by_user_uuid",
        "components",
        "created_at",
        "dependencies",
        "docker_image_locator",
        "etag",
        "finished_at",
        "href",
        "is_locked_by_uuid",
        "kind",
        "log",
        "modified_at",
        "modified_by_client_uuid",
        "modified_by_user_uuid",
        "node_uuids",
        "output",
        "owner_uuid",
        "queue_position",
        "running",
        "script_parameters_digest",
        "started_at",
        "success",
        "supplied_script_version",
        "tasks_summary",
        "uuid",
    }
)
"""What the server says of a job: clients send it back with the rest, and it is not read."""
_OTHER_NAMES = {"script_name": "script", "resource_limits": "runtime_constraints"}
"""Of 2013."""
MOST_PRIORITY = 1000
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*")


def _number(value: object) -> object:
    """A priority was a text once."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value


class Job(BaseModel):
    model_config = ConfigDict(
        defer_build=True, frozen=True, strict=True, extra="forbid", hide_input_in_errors=True
    )

    script: Annotated[str, Field(min_length=1, max_length=256)]
    script_version: Annotated[str, Field(min_length=1, max_length=256)]
    repository: Annotated[str, Field(min_length=1, max_length=256)]
    script_parameters: Tree
    description: Annotated[str | None, Field(max_length=10_000)] = None
    priority: Annotated[int, BeforeValidator(_number), Field(ge=0, le=MOST_PRIORITY)] = 0
    runtime_constraints: Tree = {}
    nondeterministic: bool = False
    submit_id: Annotated[str | None, Field(max_length=255)] = None


def checked(tree: Tree) -> tuple[Job | None, list[Problem]]:
    """The job that `tree` is, or all that is wrong with it."""
    given = {
        _OTHER_NAMES.get(name, name): value
        for name, value in tree.items()
        if name not in READ_ONLY and value is not None
    }
    try:
        job = Job.model_validate(given)
    except ValidationError as error:  # the client's mistakes, each in our words
        details = error.errors(include_url=False)
        return None, [problem_of(one, Redactor(())) for one in details]
    problems = list(_problems(job))
    return (None, problems) if problems else (job, [])


def is_ref(text: str) -> bool:
    """Whether it may name a commit, as `script_version` does."""
    return _REF.fullmatch(text) is not None and ".." not in text


def _problems(job: Job) -> Iterator[Problem]:
    for field, pattern in (("script", _NAME), ("repository", _NAME), ("script_version", _REF)):
        text = getattr(job, field)
        if not pattern.fullmatch(text) or ".." in text:
            rule = "must begin with a letter or digit, and be a name without '..'"
            yield Problem(field, rule, repr(text[:60]), place=(field,))
    yield from broken_constraints(job.runtime_constraints)
