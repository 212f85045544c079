"""What Bacalhau's API takes and answers, in its casing."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal

_UPPER = {"Id": "ID", "Cpu": "CPU", "Gpu": "GPU", "Gpus": "GPUs", "Pciaddress": "PCIAddress"}


def _alias(name: str) -> str:
    """`job_id` is JobID."""
    words = [to_pascal(word) for word in name.split("_")]
    return "".join(_UPPER.get(word, word) for word in words)


class Pascal(BaseModel):
    """Built with the names on the wire or Python's."""

    model_config = ConfigDict(
        defer_build=True,
        frozen=True,
        use_attribute_docstrings=True,
        extra="ignore",
        alias_generator=AliasGenerator(alias=_alias),
        validate_by_name=True,
        validate_by_alias=True,
    )


class BacalhauError(Pascal):
    """What went wrong."""

    status: int
    """The HTTP status."""
    message: str
    """For people; each rule that a submission breaks on a line of its own."""
    request_id: str
    """As the header `X-Request-Id`."""
    code: str
    """What sort of error it is, such as `NotFound`."""
    component: str
    """What has refused it."""
    hint: str = ""
    """What to do about it."""
    details: dict[str, str] = {}
    """By field of the submission the rule that it breaks."""


class AgentAlive(Pascal):
    status: Literal["OK"] = "OK"


class AgentVersion(Pascal):
    """Which version of Bacalhau's API this is, and by which version of Conveyor."""

    major: str
    minor: str
    git_version: str
    git_commit: str
    build_date: datetime
    """1970: when it was built is not known, but clients read a time."""
    goos: Annotated[str, Field(alias="GOOS")]
    goarch: Annotated[str, Field(alias="GOARCH")]


class AgentDebug(Pascal):
    """What is running, and what is missing of what the service stands on."""

    component: Annotated[str, Field(alias="component")]
    info: Annotated[dict[str, Any], Field(alias="info")]


class AgentConfig(Pascal):
    """What of the settings is of use to a client."""

    config: dict[str, Any]


class AgentAuthConfig(Pascal):
    """How to authenticate: by password or API key, if at all."""

    version: str
    config: dict[str, Any]


class AuthMethod(Pascal):
    type: Annotated[str, Field(alias="type")]
    params: Annotated[dict[str, str], Field(alias="params")]
    """The phrase to sign, as base64."""


class AuthMethods(Pascal):
    """The ways to get a token, by name; where credentials are required there are none."""

    methods: dict[str, AuthMethod]


class AuthAnswer(Pascal):
    """The signed phrase, which nobody checks: the token opens nothing."""

    method_data: str = ""


class Authentication(Pascal):
    success: Annotated[bool, Field(alias="success")]
    token: Annotated[str, Field(alias="token")]


class Authenticated(Pascal):
    authentication: Authentication


class BacalhauGpu(Pascal):
    index: int
    name: str
    vendor: str
    memory: int
    """In MiB."""
    pci_address: Annotated[str, Field(alias="PCIAddress")] = ""


class BacalhauResources(Pascal):
    cpu: float
    """Processors."""
    memory: int
    """Bytes."""
    disk: int
    """Bytes."""
    gpu: int
    gpus: list[BacalhauGpu] = []


class ComputeNodeInfo(Pascal):
    execution_engines: list[str]
    publishers: list[str]
    storage_sources: list[str]
    max_capacity: BacalhauResources
    """What the node gives to jobs."""
    queue_used_capacity: Annotated[BacalhauResources, Field(alias="QueueCapacity")]
    """What is asked of it and not yet running."""
    available_capacity: BacalhauResources
    """What is free of it."""
    max_job_requirements: BacalhauResources
    """The most that one execution may have."""
    running_executions: int
    enqueued_executions: int
    address: str


class BacalhauNodeInfo(Pascal):
    node_id: str
    node_type: Literal["Compute", "Requester"]
    labels: dict[str, str]
    supported_protocols: list[str] = []
    bacalhau_version: AgentVersion
    compute_node_info: ComputeNodeInfo | None = None


Membership = Literal["PENDING", "APPROVED", "REJECTED"]
Connection = Literal["CONNECTED", "DISCONNECTED"]


class ConnectionState(Pascal):
    status: Connection
    last_heartbeat: datetime
    connected_since: datetime
    disconnected_since: datetime | None = None
    last_error: str = ""


class BacalhauNode(Pascal):
    info: BacalhauNodeInfo
    membership: Membership
    connection: Connection
    """As in `ConnectionState`, where clients of 1.4 look for it."""
    connection_state: ConnectionState
    availability: Literal["active", "cordoned", "draining"] = "active"
    """Conveyor's own: whether it takes new tasks."""


class AgentNode(BacalhauNode, BacalhauNodeInfo):
    """The coordinator, as clients of any version read it."""


class OneNode(Pascal):
    """The node twice: clients of different versions look for it under different names."""

    node: BacalhauNode
    node_too: Annotated[BacalhauNode, Field(alias="node")]


class NodeList(Pascal):
    """The nodes twice, as in `OneNode`."""

    next_token: str = ""
    nodes: list[BacalhauNode]
    nodes_too: Annotated[list[BacalhauNode], Field(alias="nodes")]


class NodeActionTaken(Pascal):
    """The answer twice, as in `OneNode`."""

    success: bool
    error: str = ""
    success_too: Annotated[bool, Field(alias="success")]
    error_too: Annotated[str, Field(alias="error")] = ""


Anything = dict[str, Any]


class PutJob(Pascal):
    """A job to run. One with the name of another in its namespace is a new version of that."""

    job: Annotated[Anything, Field(description="As in Bacalhau's job files.")]
    force: bool = False
    """Make a new version though nothing has changed."""
    idempotency_token: Annotated[str, Field(alias="idempotencyToken", max_length=255)] = ""
    """As the header `Idempotency-Key`."""
    namespace: Annotated[str, Field(alias="namespace", max_length=1000)] = ""
    """That of a job which names none."""


class DiffJob(Pascal):
    """A job to compare with what its name stands for."""

    job: Annotated[Anything, Field(description="As in Bacalhau's job files.")]


class RerunJob(Pascal):
    """Which version to run once more."""

    job_version: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """0: the latest."""
    reason: Annotated[str, Field(max_length=1000)] = ""
    """Why; it is kept with the new version."""


class JobPut(Pascal):
    job_id: str
    evaluation_id: str
    """Made of the job and its version: there is nothing to ask about it."""
    warnings: list[str]
    """What was hardly meant."""


class JobRerun(JobPut):
    job_version: int
    """The new one."""


class StopJob(Pascal):
    """Why a job is stopped; the parameters say which. It may be left out."""

    reason: Annotated[str, Field(alias="reason", max_length=1000)] = ""


class JobStopped(Pascal):
    evaluation_id: str
    """Empty where the job was stopped already."""


class JobDiff(Pascal):
    diff: str
    """In the unified form; empty when nothing differs."""
    warnings: list[str]


class ItemList(Pascal):
    """A page of a list."""

    next_token: str = ""
    """Asks for what follows; empty at the end."""
    items: list[Anything]


class OneJob(Pascal):
    job: Anything
    """The submission, with what the server knows of it."""
    history: ItemList | None = None
    executions: ItemList | None = None
