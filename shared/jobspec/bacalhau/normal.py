"""A job as it is kept: one spelling for what has several, defaults filled in, and without what a
client can't set, each of which is a warning."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.definition.labels import label_key_error, label_value_error
from shared.jobspec.bacalhau import amounts
from shared.jobspec.bacalhau import models as m
from shared.jobspec.bacalhau.engines import ENGINES, variable
from shared.jobspec.bacalhau.publishers import PUBLISHERS
from shared.jobspec.bacalhau.rules import NETWORK_TYPES
from shared.jobspec.bacalhau.spec import Spec, read
from shared.jobspec.bacalhau.storages import STORAGES
from shared.jobspec.problems import Place, Problem

DEFAULT_NAMESPACE = "default"
RESERVED_META = "bacalhau.org/"


@dataclass(frozen=True)
class TypeDefaults:
    """For jobs of a type that don't say. Time-outs in seconds, for those that end."""

    priority: int = 0
    cpu: str = "500m"
    memory: str = "512Mb"
    disk: str = ""
    gpu: str = ""
    publisher: Mapping[str, Any] = field(default_factory=dict)
    execution_timeout: int = 0
    total_timeout: int = 0


JobDefaults = Mapping[str, TypeDefaults]
"""By type."""
DEFAULTS: JobDefaults = dict.fromkeys(m.TYPES, TypeDefaults())


def normalised(job: m.Job, defaults: JobDefaults) -> m.Job:
    kind = job.type.strip()
    chosen = defaults.get(kind, TypeDefaults())
    return job.model_copy(
        update={
            "type": kind,
            "namespace": job.namespace or DEFAULT_NAMESPACE,
            "priority": job.priority or chosen.priority,
            "count": _count(job.count, kind),
            "meta": {
                name: value
                for name, value in job.meta.items()
                if not name.startswith(RESERVED_META)
            },
            "tasks": [_task(task, kind, chosen) for task in job.tasks[:1]],
            **dict.fromkeys(_SERVER_FIELDS),
        }
    )


def _count(count: int | None, kind: str) -> int:
    if kind in m.ON_ALL_NODES:
        return 0 if count == 1 else count or 0
    return 1 if count is None else count


def _task(task: m.Task, kind: str, defaults: TypeDefaults) -> m.Task:
    ends = kind not in m.KEPT_RUNNING
    publisher = _config(task.publisher, PUBLISHERS)
    if ends and not publisher.type and not publisher.params and defaults.publisher:
        publisher = m.SpecConfig.model_validate(defaults.publisher)
    return task.model_copy(
        update={
            "engine": _config(task.engine, ENGINES),
            "publisher": publisher,
            "input_sources": [_source(source) for source in task.input_sources],
            "resources": _resources(task.resources, defaults),
            "network": _network(task.network),
            "timeouts": _timeouts(task.timeouts, defaults) if ends else task.timeouts,
        }
    )


def _config(config: m.SpecConfig, models: Mapping[str, type[Spec]]) -> m.SpecConfig:
    """What is not of its type stays as it is, for the rules to say so."""
    kind = _spelled(config.type, models)
    params: Mapping[str, Any] = config.params
    if kind in models:
        model, problems = read(models[kind], params)
        if model is not None and not problems:
            params = model.model_dump(
                by_alias=True, exclude_unset=True, exclude_none=True, exclude={"meta"}
            )
    return config.model_copy(update={"type": kind, "params": params})


def _spelled(text: str, known: Iterable[str]) -> str:
    plain = text.strip()
    return next((name for name in known if name.lower() == plain.lower()), plain)


def _source(source: m.InputSource) -> m.InputSource:
    config = _config(source.source, STORAGES)
    return source.model_copy(update={"source": config, "target": source.target.strip()})


def _resources(given: m.Resources, defaults: TypeDefaults) -> m.Resources:
    values = {
        "cpu": given.cpu or defaults.cpu,
        "memory": given.memory or defaults.memory,
        "disk": given.disk or defaults.disk,
        "gpu": given.gpu or defaults.gpu,
    }
    return given.model_copy(update={name: amounts.plain(text) for name, text in values.items()})


def _network(network: m.Network) -> m.Network:
    domains = [domain.strip().lower() for domain in network.domains]
    kind = _spelled(network.type or "Default", NETWORK_TYPES)
    return network.model_copy(update={"type": kind, "domains": domains})


def _timeouts(given: m.Timeouts, defaults: TypeDefaults) -> m.Timeouts:
    return given.model_copy(
        update={
            "execution_timeout": given.execution_timeout or defaults.execution_timeout,
            "total_timeout": given.total_timeout or defaults.total_timeout,
        }
    )


class _ServerField(NamedTuple):
    name: str
    told: str


_SERVER_FIELDS = {
    "id": _ServerField("ID", "job ID is ignored when submitting a {type} job"),
    "state": _ServerField("State", "job state is ignored when submitting a job"),
    "version": _ServerField("Version", "job version is ignored when submitting a job"),
    "revision": _ServerField("Revision", "job revision is ignored when submitting a job"),
    "create_time": _ServerField("CreateTime", "job create time is ignored when submitting a job"),
    "modify_time": _ServerField("ModifyTime", "job modify time is ignored when submitting a job"),
}


def warnings_of(job: m.Job) -> Iterator[Problem]:
    """Of a job as it was submitted."""
    for name, known in _SERVER_FIELDS.items():
        if _is_set(getattr(job, name)):
            yield _at((known.name,), known.told.format(type=job.type))
    for name in job.meta:
        if name.startswith(RESERVED_META):
            rule = f'job meta key "{name}" is reserved and will be ignored'
            yield _at(("Meta", name), rule)
    for name, value in job.labels.items():
        if name.strip() and (label_key_error(name) or label_value_error(value)):
            rule = (
                f"label '{name}' is kept, but no selector can name it: it is no label by its form"
            )
            yield _at(("Labels", name), rule)
    if len(job.tasks) > 1:
        rule = f"only one task is supported per job: {len(job.tasks) - 1} of them will not run"
        yield _at(("Tasks", 1), rule)
    for index, task in enumerate(job.tasks[:1]):
        yield from _task_warnings(task, job.type, ("Tasks", index))


def _at(place: Place, rule: str) -> Problem:
    return Problem("", rule, place=place)


def _is_set(value: object) -> bool:
    """Clients send all fields of a job, those that are nothing yet, too."""
    if isinstance(value, dict):
        return any(map(_is_set, value.values()))
    return value not in (None, "", 0, "0", "Undefined", [])


def _task_warnings(task: m.Task, kind: str, place: Place) -> Iterator[Problem]:
    params = {str(name).lower(): value for name, value in task.engine.params.items()}
    if task.engine.type.strip().lower() == "docker":
        at = (*place, "Engine", "Params")
        if params.get("meta"):
            rule = (
                "'Meta' of the docker engine is ignored: it is a field of the task and of the job"
            )
            yield _at((*at, "Meta"), rule)
        variables = params.get("environmentvariables")
        for index, text in enumerate(variables if isinstance(variables, list) else ()):
            if isinstance(text, str) and " =" in text:
                name, value = variable(text)
                rule = f"'{name}' is set without the spaces around '='"
                if value:
                    yield _at((*at, "EnvironmentVariables", index), rule)
    if kind in m.KEPT_RUNNING and task.result_paths:
        rule = f"result paths are ignored: a {kind} job is kept running and has no results"
        yield _at((*place, "ResultPaths"), rule)
    for field_name, given in task.timeouts.shown().items():
        if given and (why := _ignored_timeout(field_name, kind)):
            yield _at((*place, "Timeouts", field_name), f"{field_name} is ignored: {why}")


def _ignored_timeout(name: str, kind: str) -> str | None:
    if name == "QueueTimeout":
        if kind == "ops":
            return "an ops job runs on the nodes that match when it starts"
        return "a daemon job waits for nodes as long as it takes" if kind == "daemon" else None
    is_kept = kind in m.KEPT_RUNNING
    return f"a {kind} job is kept running until it is stopped" if is_kept else None
