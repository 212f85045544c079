"""The variables of an execution: what it is told of itself, and what of the worker's environment it
may read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from uuid import UUID

from shared.definition import Execution, Spawning
from shared.messages import RunTask

_BACALHAU = "BACALHAU"
"""The prefix of the language in which a value can name a variable of the worker, and ids are UUIDs
behind a letter."""
_REFERENCE = "env:"


@dataclass(frozen=True, slots=True)
class ShownIds:
    """Of the job and of the execution, as their language shows them."""

    job: str
    execution: str


def shown_ids(order: RunTask, execution: Execution) -> ShownIds:
    if execution.prefix != _BACALHAU:
        return ShownIds(order.job_id, order.task_id)
    return ShownIds(f"j-{UUID(order.job_id)}", f"e-{UUID(order.task_id)}")


def execution_variables(order: RunTask, execution: Execution) -> dict[str, str]:
    ids = shown_ids(order, execution)
    told = {
        "EXECUTION_ID": ids.execution,
        "JOB_ID": ids.job,
        "JOB_TYPE": execution.type,
        "PARTITION_INDEX": str(execution.index),
        "PARTITION_COUNT": str(execution.count),
    }
    return {f"{execution.prefix}_{name}": value for name, value in told.items()}


def spawning_variables(order: RunTask, spawning: Spawning) -> dict[str, str]:
    return {
        "TORK_JOB_ID": order.job_id,
        "TORK_TASK_ID": order.task_id,
        "TORK_SEQUENCE": str(spawning.sequence),
        "TORK_QSEQUENCE": str(spawning.index),
    }


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """Where an attempt finds the API, and what it shows there."""

    url: str
    token: str = field(repr=False)

    @property
    def variables(self) -> dict[str, str]:
        return {"TORK_API_URL": self.url, "TORK_TASK_TOKEN": self.token}

    @property
    def defaults(self) -> dict[str, str]:
        """What our client reads, for a task that says nothing else."""
        return {"CONVEYOR_URL": self.url, "CONVEYOR_API_KEY": self.token}


class EnvironmentRules:
    def __init__(self, allowed: str, environment: Mapping[str, str]) -> None:
        """`allowed`: patterns of names, comma-separated, each for a whole name."""
        self._allowed = tuple(filter(None, (pattern.strip() for pattern in allowed.split(","))))
        self._environment = environment

    def resolved(self, env: Mapping[str, str], prefix: str) -> dict[str, str]:
        """`env` with values such as `env:AWS_REGION` read from the worker's environment. Raises
        ValueError for one that is not allowed or not set."""
        if prefix != _BACALHAU:
            return dict(env)
        return {name: self._resolved(name, value) for name, value in env.items()}

    def _resolved(self, name: str, value: str) -> str:
        wanted = value.removeprefix(_REFERENCE)
        if wanted == value:
            return value
        if not any(fnmatchcase(wanted, pattern) for pattern in self._allowed):
            raise ValueError(
                f"env.{name}: this worker does not allow tasks to read its variable {wanted!r} "
                "(its setting CONVEYOR_WORKER_ENV_ALLOWED)"
            )
        if wanted not in self._environment:
            raise ValueError(f"env.{name}: the variable {wanted!r} is not set on this worker")
        return self._environment[wanted]
