"""A job of Bacalhau as it is submitted and shown: its fields and their types."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import Field

from shared.jobspec.bacalhau.spec import Flag, Number, Quantity, Spec, Text, Texts, read
from shared.jobspec.problems import Place, Problem

TYPES = ("batch", "ops", "daemon", "service")
KEPT_RUNNING = ("daemon", "service")
ON_ALL_NODES = ("daemon", "ops")
_FEW = 2


class SpecConfig(Spec):
    """What `params` hold depends on the type: see `engines`, `storages`, `publishers`."""

    type: Text = ""
    params: dict[str, Any] = Field(default_factory=dict)


M = TypeVar("M", bound=Spec)


def read_params(
    config: SpecConfig, known: Mapping[str, type[M]], place: Place, told: str
) -> tuple[M | None, list[Problem]]:
    """What `params` are by the type of `config`, which is at `place`, and what is wrong; `told`
    says of what."""
    if config.type in known:
        return read(known[config.type], config.params, (*place, "Params"))
    if not config.type:
        return None, [Problem("", f"{told}: missing spec type", place=place)]
    types = f"one of {', '.join(known)}" if len(known) > _FEW else " or ".join(known)
    rule = f"{told}: unknown type '{config.type}': must be {types}"
    return None, [Problem("", rule, place=(*place, "Type"))]


class InputSource(Spec):
    source: SpecConfig = SpecConfig()
    alias: Text = ""
    target: Text = ""


class ResultPath(Spec):
    name: Text = ""
    path: Text = ""


class Resources(Spec):
    cpu: Quantity = ""
    memory: Quantity = ""
    disk: Quantity = ""
    gpu: Quantity = ""


class PortMapping(Spec):
    name: Text = ""
    static: Number = 0
    target: Number = 0
    host_network: Text = ""


class Network(Spec):
    type: Text = ""
    domains: list[Text] = Field(default_factory=list)
    ports: list[PortMapping] = Field(default_factory=list)


class Timeouts(Spec):
    """In seconds; 0 is none."""

    execution_timeout: Number = 0
    queue_timeout: Number = 0
    total_timeout: Number = 0


class Constraint(Spec):
    key: Text = ""
    operator: Text = ""
    values: list[Text] = Field(default_factory=list)


class Retry(Spec):
    """Ours. Durations as `10s` or as seconds."""

    limit: Number = 0
    initial_delay: Quantity = ""
    max_delay: Quantity = ""
    scaling_factor: Number = 0
    reset_after: Quantity = ""


class UpdatePolicy(Spec):
    """Ours."""

    max_unavailable: Number = 1
    healthy_after: Quantity = ""


_OF_ENGINE = ("image", "entrypoint", "parameters", "environmentvariables", "workingdirectory")


class Task(Spec):
    elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(_OF_ENGINE, "Engine.Params")

    name: Text = ""
    engine: SpecConfig = SpecConfig()
    publisher: SpecConfig = SpecConfig()
    env: Texts = Field(default_factory=dict)
    meta: Texts = Field(default_factory=dict)
    input_sources: list[InputSource] = Field(default_factory=list)
    result_paths: list[ResultPath] = Field(default_factory=list)
    resources: Resources = Resources()
    network: Network = Network()
    timeouts: Timeouts = Timeouts()


class Job(Spec):
    """`retry`, `update_policy`, `success_codes`, `one_per_node` and `budget` are ours."""

    elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(_OF_ENGINE, "Tasks.Engine.Params")

    id: Any = None
    name: Text = ""
    namespace: Text = ""
    type: Text = ""
    priority: Number = 0
    count: Number | None = None
    constraints: list[Constraint] = Field(default_factory=list)
    meta: Texts = Field(default_factory=dict)
    labels: Texts = Field(default_factory=dict)
    tasks: list[Task] = Field(default_factory=list)
    state: Any = None
    version: Any = None
    revision: Any = None
    create_time: Any = None
    modify_time: Any = None
    retry: Retry | None = None
    update_policy: UpdatePolicy | None = None
    success_codes: list[Number] | None = None
    one_per_node: Flag | None = None
    budget: Text | None = None

    @property
    def task(self) -> Task:
        return self.tasks[0]
