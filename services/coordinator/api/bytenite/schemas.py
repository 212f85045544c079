"""What all answers of ByteNite's API share, and its errors."""

from datetime import datetime
from typing import Any

from services.coordinator.api.replies import Answer
from shared.jobspec.bytenite.form import Form, Whole
from shared.jobspec.bytenite.models import (
    Config,
    DataSource,
    Job,
    JobAppParams,
    SelectionList,
    Tolerance,
)
from shared.jobspec.bytenite.phases import Phase


class FieldError(Answer):
    """One rule that a request breaks."""

    field: str
    """Which field, such as `params.app.width`; empty: the body as a whole."""
    value: str | None = None
    """What stands there, shortened; left out where it may be secret."""
    rule: str
    """The rule that it breaks."""


class ErrorStatus(Answer):
    """What went wrong, in the form of newer clients."""

    code: str
    """For programs, such as `validation_failed`."""
    message: str
    """For people; its wording may change."""
    description: str
    """The same with every broken rule on a line of its own."""


class ByteniteError(Answer):
    """What went wrong."""

    code: int
    """A status of gRPC."""
    message: str
    """For people; its wording may change."""
    error: ErrorStatus
    request_id: str
    """As the header `X-Request-Id`."""
    details: list[FieldError]
    """The rules that the request breaks, one by one."""


class Done(Answer):
    """It is done."""

    ok: bool = True


class Check(Answer):
    """One thing that was tried."""

    name: str
    """`reachable`, `allowed`, `readable`, `writable` or `usable`."""
    ok: bool
    message: str
    """For people; it holds no secrets."""


class FoundFile(Answer):
    """What a data source would bring."""

    path: str
    size: str | None = None
    """In bytes, where it is known."""


class DataSourceTested(Answer):
    """Whether a data source can be used."""

    ok: bool
    checks: list[Check]
    """What was tried, in order; the last one decides."""
    filename: str | None = None
    """What was found."""
    size: str | None = None
    """In bytes, where it is known."""
    files: list[FoundFile] | None = None
    """With `listFiles`: what it would bring, at most 100 files, by their paths in it."""


Anything = dict[str, Any]


class TemplateInfo(Answer):
    """What a job runs, each with the version that its tag stood for."""

    id: str
    description: str | None = None
    owner: str | None = None
    app: str | None = None
    partitioner: str | None = None
    assembler: str | None = None


class ChunkCounts(Answer):
    total: int
    done: int
    """Those that have ended, failed ones included."""
    failed: int


class JobView(Answer):
    """A job. What does not apply yet is left out."""

    id: str
    """As its client chose it, or the server."""
    template_id: str
    name: str | None = None
    description: str | None = None
    config: Config | None = None
    priority: str = "EXECUTION_PRIORITY_UNDEFINED"
    start_at: str | None = None
    """When it begins at the earliest."""
    deadline: str | None = None
    """When it fails at the latest."""
    regions: SelectionList | None = None
    data_source: DataSource | None = None
    data_destination: DataSource | None = None
    params: JobAppParams | None = None
    tolerance: Tolerance | None = None
    """Conveyor's own: how many chunks may fail."""
    on_chunk_failure: str | None = None
    """Conveyor's own: `fail_fast`, `finish_then_fail` or `tolerate`."""
    state: Phase
    state_timestamps: dict[str, datetime]
    """By state when it was entered."""
    created_at: datetime
    submitted_at: datetime | None = None
    """When it was run."""
    started_at: datetime | None = None
    """When its chunks were ready."""
    ended_at: datetime | None = None
    deleted_at: datetime | None = None
    duration: int | None = None
    """In milliseconds, from `submittedAt` to `endedAt` or now."""
    num_chunks: int | None = None
    budget: str | None = None
    """Conveyor's own: it fails once it has cost so much."""
    num_units_estimation: str = "0"
    """What it will probably cost, rounded up; 0 without prices or history, and in lists."""
    payment_amount: float = 0
    """What it has cost so far, by the prices at which it was run; 0 without prices."""
    error_message: str | None = None
    error_code: str | None = None
    """Such as `partition_failed`."""
    failed_phase: Phase | None = None
    """The state in which it failed."""
    app_id: str | None = None
    chunks: ChunkCounts | None = None
    warnings: list[str] | None = None
    """Such as that chunks have failed and were tolerated."""


class JobAnswer(Answer):
    job: JobView
    template_info: TemplateInfo | None = None


class Pagination(Answer):
    total: int
    offset: int
    has_previous: bool
    has_next: bool


class JobList(Answer):
    pagination: Pagination
    data: list[JobView]


class CreateJob(Job):
    """A draft. With `run` it is run at once."""

    job_id: str = ""
    id: str = ""
    run: bool = False


class EditDataSource(Form):
    data_source: DataSource | None = None
    data_destination: DataSource | None = None


class EditParams(JobAppParams):
    """Those that are given replace others; they may be in `params`."""

    params: JobAppParams | None = None


class EditName(Form):
    name: str | None = None
    description: str | None = None


class EditConfig(Config):
    """What is not given stays as it is; it may be in `config`."""

    config: Config | None = None


class AskedPage(Form):
    limit: Whole = 20
    offset: Whole = 0


class FilterJobs(Form):
    """`orderBy` is a field and perhaps a direction, `createdAt desc`."""

    pagination: AskedPage = AskedPage()
    order_by: str = ""
    name: str = ""
    template_id: str = ""


class Templates(Answer):
    templates: list[TemplateInfo]


class Info(Answer):
    version: str
    """Of Conveyor."""
    states: list[str]
    priorities: list[str]
    partitioners: list[str]
    """Engines that come with every worker, as the next."""
    assemblers: list[str]


class RetryJob(Form):
    """`phase` is a state that the job has been in, or none: then it goes on where it failed.

    `onlyFailedChunks` false runs all chunks again. True runs those again that failed, also where
    they were tolerated, and then what follows. Without it, where the job failed by its chunks,
    those that are done stay done."""

    phase: str = ""
    only_failed_chunks: bool | None = None
