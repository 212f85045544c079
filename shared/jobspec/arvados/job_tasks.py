"""What the script of an Arvados job sends of tasks: those that it makes, and how its own ended."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.explanations import problem_of
from shared.process.redaction import Redactor

Tree = dict[str, Any]
T = TypeVar("T", bound=BaseModel)

_READ_ONLY = frozenset(
    {
        "created_at",
        "etag",
        "finished_at",
        "href",
        "kind",
        "modified_at",
        "modified_by_client_uuid",
        "modified_by_user_uuid",
        "node_uuid",
        "owner_uuid",
        "qsequence",
        "started_at",
        "uuid",
    }
)
"""What the server says of a task: clients send it back with the rest, and it is not read."""
_LONGEST_OUTPUT = 1024 * 1024


class _Sent(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    job_uuid: str | None = None
    created_by_job_task_uuid: str | None = None


class NewJobTask(_Sent):
    sequence: int | None = None
    parameters: Tree = {}


class JobTaskReport(_Sent):
    output: Annotated[str | None, Field(max_length=_LONGEST_OUTPUT)] = None
    progress: Annotated[float | None, Field(ge=0, le=1)] = None
    success: bool | None = None


def checked_task(model: type[T], tree: Tree) -> T:
    """What `tree` says of a task. Raises InvalidJob."""
    given = {
        name: value for name, value in tree.items() if name not in _READ_ONLY and value is not None
    }
    try:
        return model.model_validate(given)
    except ValidationError as error:  # the client's mistakes, each in our words
        details = error.errors(include_url=False)
        raise InvalidJob([problem_of(one, Redactor(())) for one in details]) from None
