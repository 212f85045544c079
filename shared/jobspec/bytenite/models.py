"""A job of ByteNite as it is submitted: its fields and their types."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from shared.jobspec.bytenite.form import Form, Tree, Whole

PRIORITIES = {
    "EXECUTION_PRIORITY_UNDEFINED": 3,
    "EXECUTION_PRIORITY_LOW": 0,
    "EXECUTION_PRIORITY_NORMAL": 3,
    "EXECUTION_PRIORITY_MEDIUM": 3,
    "EXECUTION_PRIORITY_HIGH": 6,
    "EXECUTION_PRIORITY_URGENT": 9,
}
"""By level the priority in queues, from 0 to 9."""
_LEVEL = "EXECUTION_PRIORITY_"
READ_ONLY = (
    "appId",
    "chunks",
    "completedAt",
    "createdAt",
    "deletedAt",
    "duration",
    "endedAt",
    "errorCode",
    "errorMessage",
    "failedPhase",
    "numChunks",
    "numUnitsEstimation",
    "paymentAmount",
    "startedAt",
    "state",
    "stateTimestamps",
    "submittedAt",
    "templateInfo",
    "warnings",
)
"""What the server says of a job: clients send it back with the rest, and it is not read."""


def _level(value: object) -> object:
    return f"{_LEVEL}{value}" if f"{_LEVEL}{value}" in PRIORITIES else value


def _or_none(value: object) -> object:
    """A time that is empty or 0 is none."""
    return None if value in ("", "0", 0) else value


Time = Annotated[str | None, BeforeValidator(_or_none)]
Priority = Annotated[
    Literal[
        "EXECUTION_PRIORITY_UNDEFINED",
        "EXECUTION_PRIORITY_LOW",
        "EXECUTION_PRIORITY_NORMAL",
        "EXECUTION_PRIORITY_MEDIUM",
        "EXECUTION_PRIORITY_HIGH",
        "EXECUTION_PRIORITY_URGENT",
    ],
    BeforeValidator(_level),
]


def _decimal(value: object) -> object:
    """A number, or one as a text: that is exact."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:  # the rule for it says what it must be
        return value


Money = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    Field(gt=0, lt=10**12, max_digits=18, decimal_places=6),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]}, mode="validation"),
]
OnChunkFailure = Literal["fail_fast", "finish_then_fail", "tolerate"]


class Config(Form):
    """Time-outs in seconds; 0 is none. `memory_factor` and `reuse` are ours, below them those of
    2023."""

    task_timeout: Whole = 0
    job_timeout: Whole = 0
    is_test_job: bool = False
    max_task_retries: Whole | None = None
    memory_factor: Annotated[float, Field(strict=False)] | None = None
    reuse: bool = False
    min_chunk_size: Whole | None = None
    max_chunk_size: Whole | None = None
    replication_factor: Whole | None = None
    partitioning_settings: Tree | None = None


class SelectionList(Form):
    whitelist: list[str] = Field(default_factory=list)
    blacklist: list[str] = Field(default_factory=list)


class DataSource(Form):
    """What `params` hold depends on the descriptor."""

    data_source_descriptor: str = ""
    params: dict[str, Any] = Field(default_factory=dict)


class JobAppParams(Form):
    """Below `assembler` those of 2023: `data` is what `app` is now."""

    preset: str | None = None
    partitioner: Tree = Field(default_factory=dict)
    app: Tree = Field(default_factory=dict)
    assembler: Tree = Field(default_factory=dict)
    schema_: Annotated[Any, Field(alias="schema", exclude=True)] = None
    data: Tree | None = None
    selected_outputs: Annotated[Any, Field(exclude=True)] = None


class Tolerance(Form):
    """Of chunks that may fail. Ours."""

    max_failed_chunks: Whole | None = None
    max_failed_percent: Whole | None = None


class Job(Form):
    """`deadline` is of 2023; `tolerance`, `on_chunk_failure` and `budget` are ours."""

    template_id: str = ""
    name: str = ""
    description: str = ""
    config: Config = Config()
    priority: Priority = "EXECUTION_PRIORITY_UNDEFINED"
    start_at: Time = None
    deadline: Time = None
    regions: SelectionList = SelectionList()
    data_source: DataSource | None = None
    data_destination: DataSource | None = None
    params: JobAppParams = JobAppParams()
    tolerance: Tolerance | None = None
    on_chunk_failure: OnChunkFailure | None = None
    budget: Money | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_read_only(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if name not in READ_ONLY}
