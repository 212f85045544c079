"""What jobs of Bacalhau have that don't say, as an operator sets it."""

from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field

from shared.jobspec.bacalhau import amounts
from shared.jobspec.bacalhau import models as m
from shared.jobspec.bacalhau.normal import DEFAULTS, JobDefaults, TypeDefaults
from shared.jobspec.bacalhau.publishers import publisher_problems
from shared.jobspec.bacalhau.spec import Number, Quantity, Spec, read
from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.parsing import YAML_TYPES, load
from shared.process.settings.blocks import Block


class _Timeouts(Spec):
    execution_timeout: Quantity = ""
    total_timeout: Quantity = ""


class _Task(Spec):
    resources: m.Resources = m.Resources()
    publisher: m.SpecConfig = m.SpecConfig()
    timeouts: _Timeouts = _Timeouts()


class _OfType(Spec):
    priority: Number = 0
    task: _Task = _Task()


class _OfAll(Spec):
    """As `JobDefaults` in Bacalhau's own configuration."""

    batch: _OfType = _OfType()
    ops: _OfType = _OfType()
    daemon: _OfType = _OfType()
    service: _OfType = _OfType()


@lru_cache(maxsize=8)
def job_defaults(text: str) -> JobDefaults:
    """From YAML or JSON. Raises ValueError."""
    if not text.strip():
        return DEFAULTS
    try:
        tree, _ = load(text.encode(), YAML_TYPES[0])
    except InvalidJob as error:  # the setting's mistake
        raise ValueError(str(error)) from None
    found, problems = read(_OfAll, tree)
    if found is None or problems:
        raise ValueError("; ".join(map(str, problems)))
    return {name: _defaults(getattr(found, name)) for name in m.TYPES}


def _defaults(given: _OfType) -> TypeDefaults:
    resources, timeouts = given.task.resources, given.task.timeouts
    publisher = given.task.publisher
    if problem := next(publisher_problems(publisher, ("Publisher",)), None):
        raise ValueError(problem.rule)
    standard = TypeDefaults()
    amounts.cpus(cpu := resources.cpu or standard.cpu)
    amounts.memory(memory := resources.memory or standard.memory)
    amounts.disk(resources.disk or "0")
    amounts.gpus(resources.gpu or "0")
    return TypeDefaults(
        priority=given.priority,
        cpu=cpu,
        memory=memory,
        disk=resources.disk,
        gpu=resources.gpu,
        publisher=publisher.shown() if publisher.type else {},
        execution_timeout=_seconds(timeouts.execution_timeout),
        total_timeout=_seconds(timeouts.total_timeout),
    )


def _seconds(text: str) -> int:
    return int(amounts.duration(text).seconds) if text else 0


def _checked(text: str) -> str:
    job_defaults(text)
    return text


class BacalhauSettings(Block):
    job_defaults: Annotated[str, AfterValidator(_checked)] = Field(
        "",
        description="What jobs of Bacalhau have that don't say it, as YAML or JSON in the form of "
        "`JobDefaults` of Bacalhau's configuration, by type: `{Batch: {Priority: 5, Task: "
        "{Resources: {CPU: 1, Memory: 1Gb}, Publisher: {Type: s3managed}, Timeouts: {TotalTimeout: "
        "1h}}}}`. What is not set is CPU 500m and memory 512Mb.",
    )

    @property
    def defaults(self) -> JobDefaults:
        return job_defaults(self.job_defaults)
