"""The rules of a job, in the words of Bacalhau where it has them. All that is broken is told."""

import re
from collections.abc import Callable, Iterator, Mapping

from shared.definition import EXIT_CODE, STDERR, STDOUT, Amount
from shared.definition.labels import label_key_error, label_value_error
from shared.jobspec.bacalhau import amounts
from shared.jobspec.bacalhau import models as m
from shared.jobspec.bacalhau.engines import OWN_VARIABLES, engine_problems
from shared.jobspec.bacalhau.publishers import publisher_problems
from shared.jobspec.bacalhau.reuse import reuse_problems
from shared.jobspec.bacalhau.storages import storage_problems
from shared.jobspec.fields import check_amount
from shared.jobspec.file_rules import check_artifact_name, check_kept_path, check_target
from shared.jobspec.limits import MAX_EXECUTIONS, MAX_NAME
from shared.jobspec.network_rules import (
    STATIC_PORTS,
    check_address,
    check_domain,
    check_port_name,
)
from shared.jobspec.problems import Place, Problem
from shared.placement.labels import OPERATORS, whole_number

NETWORK_TYPES = ("Default", "None", "Host", "Full", "HTTP", "Bridge")
ALL_NAMESPACES = "*"
PREFERENCE = "favour_"
"""A constraint whose key begins so is a wish."""
_MAX_PRIORITY = 2**31 - 1
_MAX_EXIT_CODE = 255
_SHOWN = 40
_OF_EVERY_RESULT = (STDOUT, STDERR, EXIT_CODE)
_TARGET_PORTS = range(65536)
_ENV_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


def problems_of(job: m.Job) -> Iterator[Problem]:
    """Of a job that is normalised."""
    yield from _job_problems(job)
    for index, constraint in enumerate(job.constraints):
        yield from _constraint_problems(constraint, ("Constraints", index))
    for name in job.labels:
        if not name.strip():
            yield _at(("Labels",), "label key cannot be blank")
    for index, task in enumerate(job.tasks):
        yield from _task_problems(task, ("Tasks", index))
    yield from _our_problems(job)
    yield from reuse_problems(job)
    yield from _budget_problems(job.budget)


def _at(place: Place, rule: str) -> Problem:
    return Problem("", rule, place=place)


def _job_problems(job: m.Job) -> Iterator[Problem]:
    if job.name and not job.name.strip():
        yield _at(("Name",), "missing job name")
    if len(job.name) > MAX_NAME:
        yield _at(("Name",), f"job name must have at most {MAX_NAME} characters")
    if not job.namespace.strip():
        yield _at(("Namespace",), "job must be in a namespace")
    elif job.namespace.strip() == ALL_NAMESPACES:
        rule = f"namespace '{ALL_NAMESPACES}' means all namespaces, and can't be that of a job"
        yield _at(("Namespace",), rule)
    if len(job.namespace) > MAX_NAME:
        yield _at(("Namespace",), f"job namespace must have at most {MAX_NAME} characters")
    if not job.type:
        yield _at(("Type",), "missing job type")
    elif job.type not in m.TYPES:
        known = ", ".join(m.TYPES)
        yield _at(("Type",), f'invalid job type: "{job.type}": must be one of {known}')
    yield from _count_problems(job.count or 0, job.type)
    if abs(job.priority) > _MAX_PRIORITY:
        yield _at(("Priority",), "job priority must fit in 32 bits")
    if not job.tasks:
        yield _at(("Tasks",), "missing job tasks")


def _count_problems(count: int, kind: str) -> Iterator[Problem]:
    if count < 0:
        yield _at(("Count",), "job count must be >= 0")
    elif count > 1 and kind in m.ON_ALL_NODES:
        rule = f"{kind} jobs cannot specify count > 1 as they run on all matching nodes"
        yield _at(("Count",), rule)
    elif count > MAX_EXECUTIONS:
        yield _at(("Count",), f"job count must be <= {MAX_EXECUTIONS}")


def _constraint_problems(constraint: m.Constraint, place: Place) -> Iterator[Problem]:
    key, operator, values = constraint.key, constraint.operator, constraint.values
    if not key.strip():
        yield _at((*place, "Key"), "selector key cannot be blank")
    elif rule := label_key_error(key.removeprefix(PREFERENCE)):
        yield _at((*place, "Key"), rule)
    if operator not in OPERATORS:
        rule = f"unknown operator '{operator}': must be one of {', '.join(OPERATORS)}"
        yield _at((*place, "Operator"), rule)
    elif rule := _count_rule(operator, len(values)):
        yield _at((*place, "Values"), rule)
    else:
        for index, value in enumerate(values):
            if rule := _value_rule(operator, value):
                yield _at((*place, "Values", index), rule)


def _count_rule(operator: str, count: int) -> str | None:
    if operator in ("in", "notin"):
        rule = "selector values cannot be empty for In or NotIn operators"
        return None if count else rule
    if operator in ("exists", "!"):
        rule = "selector values must be empty for Exists or KeyNotInImap operators"
        return rule if count else None
    rule = "selector values must have exactly one value for other operators"
    return None if count == 1 else rule


def _value_rule(operator: str, value: str) -> str | None:
    if operator in ("gt", "lt") and whole_number(value) is None:
        return f"selector value '{value}' must be a whole number for {operator}"
    return label_value_error(value)


def _task_problems(task: m.Task, place: Place) -> Iterator[Problem]:
    if not task.name.strip():
        yield _at((*place, "Name"), "missing task name")
    yield from engine_problems(task, (*place, "Engine"))
    yield from publisher_problems(task.publisher, (*place, "Publisher"))
    yield from _env_problems(task.env, (*place, "Env"))
    yield from _source_problems(task, (*place, "InputSources"))
    yield from _result_problems(task, (*place, "ResultPaths"))
    yield from _resource_problems(task.resources, (*place, "Resources"))
    yield from _network_problems(task.network, (*place, "Network"))
    yield from _timeout_problems(task.timeouts, (*place, "Timeouts"))


def _env_problems(env: Mapping[str, str], place: Place) -> Iterator[Problem]:
    for name, value in env.items():
        for rule in _env_rules(name, value):
            yield _at((*place, name), rule)


def _env_rules(name: str, value: str) -> Iterator[str]:
    if not name:
        yield "environment variable name cannot be empty"
        return
    told = f"environment variable '{name}'"
    if name != name.upper():
        yield f"{told} must be uppercase"
    elif not name[0].isalpha():
        yield f"{told} must start with a letter"
    elif not _ENV_NAME.fullmatch(name):
        yield f"{told} can only contain letters, numbers, and underscores"
    if name.upper().startswith(OWN_VARIABLES):
        yield f"{told} cannot start with {OWN_VARIABLES}"
    if not value:
        yield f"{told} cannot have empty value"


def _source_problems(task: m.Task, place: Place) -> Iterator[Problem]:
    for index, source in enumerate(task.input_sources):
        at = (*place, index)
        yield from storage_problems(source.source, (*at, "Source"))
        if not source.target:
            yield _at((*at, "Target"), "input source is missing a target")
        else:
            told = f"input source target '{source.target}'"
            yield from _unless(check_target, source.target, (*at, "Target"), told)
    for index in _repeated([source.alias for source in task.input_sources]):
        alias = task.input_sources[index].alias
        rule = f"input source with alias '{alias}' already exists"
        yield _at((*place, index, "Alias"), rule)
    for index in _repeated([source.target for source in task.input_sources]):
        target = task.input_sources[index].target
        rule = f"input source with target '{target}' already exists"
        yield _at((*place, index, "Target"), rule)


def _result_problems(task: m.Task, place: Place) -> Iterator[Problem]:
    for index, result in enumerate(task.result_paths):
        at = (*place, index)
        if not result.name:
            yield _at((*at, "Name"), "invalid result path: missing name")
        else:
            told = f"result path name '{result.name}'"
            yield from _unless(check_artifact_name, result.name, (*at, "Name"), told)
        if result.name in _OF_EVERY_RESULT:
            rule = f"result path name '{result.name}' is taken: each result has a file of that name"
            yield _at((*at, "Name"), rule)
        if not result.path:
            yield _at((*at, "Path"), "invalid result path: missing path")
        elif not result.path.startswith("/"):
            yield _at((*at, "Path"), f"result path `{result.path}` must be absolute")
        else:
            told = f"result path `{result.path}`"
            yield from _unless(check_kept_path, result.path, (*at, "Path"), told)
    for index in _repeated([result.name for result in task.result_paths]):
        rule = f"result path with name '{task.result_paths[index].name}' already exists"
        yield _at((*place, index, "Name"), rule)
    for index in _repeated([result.path for result in task.result_paths]):
        rule = f"result path '{task.result_paths[index].path}' already exists"
        yield _at((*place, index, "Path"), rule)
    if task.result_paths and not task.publisher.type:
        yield _at((*place[:-1], "Publisher"), "publisher must be set if result paths are set")


def _unless(check: Callable[[str], None], value: str, place: Place, told: str) -> Iterator[Problem]:
    try:
        check(value)
    except ValueError as error:
        yield _at(place, f"{told} {error}")


def _repeated(values: list[str]) -> Iterator[int]:
    """Where something stands that stood before; empty is nothing."""
    for index, value in enumerate(values):
        if value and value in values[:index]:
            yield index


_AMOUNTS: Mapping[str, Callable[[str], Amount | int | None]] = {
    "CPU": amounts.cpus,
    "Memory": amounts.memory,
    "Disk": amounts.disk,
    "GPU": amounts.gpus,
}


def _resource_problems(resources: m.Resources, place: Place) -> Iterator[Problem]:
    for field, value in resources.shown().items():
        if value:
            try:
                _AMOUNTS[field](value)
            except ValueError as error:
                yield _at((*place, field), f"invalid resources: {error}")


def _network_problems(network: m.Network, place: Place) -> Iterator[Problem]:
    if network.type not in NETWORK_TYPES:
        known = ", ".join(NETWORK_TYPES)
        rule = f"unknown type '{network.type}': must be one of {known}"
        yield _at((*place, "Type"), rule)
        return
    if network.domains and network.type != "HTTP":
        rule = "domains can only be set for HTTP network mode"
        yield _at((*place, "Domains"), rule)
    if network.type == "HTTP" and not network.domains:
        yield _at((*place, "Domains"), "HTTP network mode needs at least one domain")
    for index, domain in enumerate(network.domains):
        if not _passes(check_domain, domain):
            hint = f": write '{domain[1:]}' for all below it" if domain[:2] == "*." else ""
            yield _at((*place, "Domains", index), f'invalid domain "{domain}"{hint}')
    if network.ports and network.type not in ("Host", "Full", "Bridge"):
        rule = "ports can only be set for Host or Bridge network modes"
        yield _at((*place, "Ports"), rule)
    for index, port in enumerate(network.ports):
        for field, rule in _port_rules(port, network):
            yield _at((*place, "Ports", index, field), rule)
    yield from _repeated_ports(network, (*place, "Ports"))


def _port_rules(port: m.PortMapping, network: m.Network) -> Iterator[tuple[str, str]]:
    if not port.name:
        yield "Name", "port mapping name is required"
    elif not _passes(check_port_name, port.name):
        yield "Name", f"port name '{port.name}' must be a valid identifier of a variable"
    if port.static and not STATIC_PORTS[0] <= port.static <= STATIC_PORTS[1]:
        yield "Static", f"static port {port.static} must be between 1024 and 65535"
    if port.target not in _TARGET_PORTS:
        yield "Target", f"target port {port.target} must be between 0 and 65535"
    elif port.target and network.type in ("Host", "Full"):
        yield "Target", "target ports cannot be set for Host network mode"
    if port.host_network and not _passes(check_address, port.host_network):
        yield "HostNetwork", f"host network '{port.host_network}' must be an IP address"


def _repeated_ports(network: m.Network, place: Place) -> Iterator[Problem]:
    shown = [port.shown() for port in network.ports]
    for field, told in (("Name", "name"), ("Static", "static port"), ("Target", "target port")):
        for index in _repeated([str(port[field] or "") for port in shown]):
            rule = f"port mapping with {told} {shown[index][field]} already exists"
            yield _at((*place, index, field), rule)


def _passes(check: Callable[[str], None], text: str) -> bool:
    try:
        check(text)
    except ValueError:  # asked: what is told of it has other words
        return False
    return True


def _timeout_problems(timeouts: m.Timeouts, place: Place) -> Iterator[Problem]:
    execution, queue = timeouts.execution_timeout, timeouts.queue_timeout
    total = timeouts.total_timeout
    broken = False
    for field, told, value in (
        ("ExecutionTimeout", "execution", execution),
        ("QueueTimeout", "queue", queue),
        ("TotalTimeout", "total", total),
    ):
        if not amounts.are_seconds(value):
            broken = True
            rule = f"invalid timeouts: invalid {told} timeout value: {amounts.told(value)}"
            yield _at((*place, field), rule)
    if not broken and 0 < total < execution + queue:
        rule = (
            f"execution timeout {amounts.told(execution)} and queue timeout "
            f"{amounts.told(queue)} should be less than total timeout {amounts.told(total)}"
        )
        yield _at((*place, "TotalTimeout"), f"invalid timeouts: {rule}")


def _our_problems(job: m.Job) -> Iterator[Problem]:
    retry, update = job.retry, job.update_policy
    if retry is not None:
        if retry.limit < 0:
            yield _at(("Retry", "Limit"), "retry limit must be >= 0")
        if retry.scaling_factor and retry.scaling_factor < 1:
            yield _at(("Retry", "ScalingFactor"), "retry scaling factor must be >= 1")
        for field in ("InitialDelay", "MaxDelay", "ResetAfter"):
            yield from _duration_problems(("Retry", field), retry.shown()[field])
    if update is not None:
        if update.max_unavailable < 1:
            rule = "update policy: MaxUnavailable must be >= 1"
            yield _at(("UpdatePolicy", "MaxUnavailable"), rule)
        yield from _duration_problems(("UpdatePolicy", "HealthyAfter"), update.healthy_after)
    for index, code in enumerate(job.success_codes or ()):
        if not 0 <= code <= _MAX_EXIT_CODE:
            rule = f"success code {code} must be between 0 and {_MAX_EXIT_CODE}"
            yield _at(("SuccessCodes", index), rule)


def _budget_problems(budget: str | None) -> Iterator[Problem]:
    if budget is not None:
        try:
            check_amount(budget)
        except ValueError as error:
            yield _at(("Budget",), f"budget {budget[:_SHOWN]!r} {error}")


def _duration_problems(place: tuple[str, str], text: str) -> Iterator[Problem]:
    if text:
        try:
            amounts.duration(text)
        except ValueError as error:
            yield _at(place, f"{place[1]} '{text}' {error}")
