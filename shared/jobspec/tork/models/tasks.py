"""Tasks, and what a task may be made of: parallel tasks, one task for each item, a job."""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, model_validator

from shared.jobspec import fields as f
from shared.jobspec.partition.builtins import Stage
from shared.jobspec.problems import Breach, refuse
from shared.jobspec.tork import task_fields as t
from shared.jobspec.tork.models.containers import AuxTask, Mount, Sidecar
from shared.jobspec.tork.models.contradictions import contradictions
from shared.jobspec.tork.models.files import (
    Artifacts,
    LargeResult,
    Publications,
    Sources,
    file_breaches,
)
from shared.jobspec.tork.models.job_options import JobFields, Webhook
from shared.jobspec.tork.models.placement import Network, Placement, Wasm
from shared.jobspec.tork.models.policies import (
    Limits,
    Registry,
    Retry,
    Spec,
    Tolerance,
    tolerance_breaches,
)
from shared.jobspec.tork.models.stage_rules import spawn_breaches, stage_breaches
from shared.jobspec.tork.needs import refuse_bad_needs


class TaskFields(Spec):
    """What every task may have. It is made of at most one of `parallel`, `each`, `spawn`, `subjob`
    and `partition`; then it runs nothing of its own. With a `placement`, what it runs is
    run by its executions."""

    description: f.Description | None = None
    """For people."""
    tags: f.Tags | None = None
    """For people."""
    image: f.Image | None = None
    """The container image, with its tag; may hold expressions. Without it the task runs only on
    workers with the shell runtime."""
    registry: Registry | None = None
    """The login for the image, if it is private."""
    cmd: f.Listed[f.Template] | None = None
    """The command's arguments; they may hold expressions. Default: the image's."""
    entrypoint: f.Listed[str] | None = None
    """The program and its first arguments. Default: the image's, or `sh -c` with `run`."""
    run: str | None = None
    """A shell script. Not evaluated: pass values in by `env`."""
    env: f.Mapped[f.EnvName, f.TemplateValue] | None = None
    """Environment variables by name; values may hold expressions."""
    files: f.Mapped[f.FileName, f.Value] | None = None
    """Texts by path, written below the working directory before the task starts."""
    workdir: f.Workdir | None = None
    """The directory the task starts in: an absolute path in a container."""
    queue: f.QueueName | None = None
    """Which workers get the task; may hold expressions. Default: the job's, then `default`."""
    var: f.Variable | None = None
    """Later expressions read the result as `tasks.` and this name; of an `each` or a `parallel` the
    list of its children's results. May hold expressions."""
    if_: f.Expression | None = None
    """The task is skipped when this gives false. Default: it runs."""
    retry: Retry | None = None
    """Default: the job's `defaults`; without one, no second try. A `service` and a `daemon` are by
    default restarted for ever, after 1s at first and at most 5m."""
    limits: Limits | None = None
    """Default: the job's `defaults`, then the worker's settings."""
    timeout: f.PositiveDuration | None = None
    """How long one attempt may run. Default: the job's, then the worker's setting; of a `service`
    and a `daemon` any time."""
    grace_period: f.GracePeriod | None = None
    """How long it may take to end, after the stop signal, when it is cancelled or timed out, before
    it is killed. At most 1h; `0s` kills at once. Default: 10s."""
    stop_signal: t.StopSignal | None = None
    """What asks it to end, such as SIGINT. Default: the image's STOPSIGNAL, else SIGTERM."""
    queue_timeout: f.PositiveDuration | None = None
    """How long it, or an execution of it, may wait for a worker before it fails. Default: as long
    as it takes."""
    success_codes: t.SuccessCodes | None = None
    """The exit codes it succeeds with, or `any`. Default: 0."""
    priority: f.Priority | None = None
    """Higher goes first within a queue. 0, the default, takes the job's default."""
    allow_failure: f.Flag | None = None
    """When it fails, what follows goes on as if it had completed. Default: false."""
    reuse: f.Flag | None = None
    """It does not run where a task of yours has done the same work: it completes at once, with the
    result and the artifacts of that one. Default: `reuse.tasks` of the job, else false."""
    pre: list[f.Entry[AuxTask]] | None = None
    """Run one after the other before the task; the failure of one fails the task."""
    post: list[f.Entry[AuxTask]] | None = None
    """Run one after the other after the task; the failure of one fails the task."""
    sidecars: list[f.Entry[Sidecar]] | None = None
    """Run beside the task."""
    mounts: list[f.Entry[Mount]] | None = None
    """Storage in the task's container."""
    sources: Sources | None = None
    """Files that are brought to the task before it starts."""
    artifacts: Artifacts | None = None
    """Files that are kept when it has ended, for later tasks and to be downloaded."""
    publish: Publications | None = None
    """Where its artifacts go besides."""
    large_result: LargeResult | None = None
    """A result of more than 1 MiB is kept as the artifact of this name, and the result tells so in
    JSON. Default: it fails the task. May hold expressions."""
    networks: f.Listed[f.Key] | None = None
    """Names of the container engine's networks."""
    network: Network | None = None
    """What it reaches, and where it is reached. Default: as the worker is set."""
    gpus: f.ShortText | None = None
    """Which graphics processors, as in `docker run --gpus`: `all`, `2`, `device=0`."""
    privileged: f.Flag | None = None
    """With all rights on the worker's machine; a worker whose operator doesn't allow it refuses.
    Default: false."""
    wasm: Wasm | None = None
    """A WebAssembly module that is run instead of an image."""
    placement: Placement | None = None
    """On which nodes it runs, how many times. Default: once, on a worker that serves its queue."""
    parallel: "Parallel | None" = None
    """These tasks at once, done when all are. A submission may be nested 200 mappings and lists
    deep, so tasks may stand in one another some 65 deep."""
    each: "Each | None" = None
    """A task for every item of a list."""
    spawn: "Spawn | None" = None
    """A task that makes further ones of its kind while it runs."""
    subjob: "Subjob | None" = None
    """A job of its own; its result becomes the task's."""
    partition: "Partitioned | None" = None
    """What splits its sources into chunks, a task for every chunk, and what assembles the results.
    What this leaves is the artifact `output` of the task."""

    is_spawned: ClassVar[bool] = False

    @model_validator(mode="after")
    def _runs_or_is_made_of_others(self) -> "TaskFields":
        refuse(list(contradictions(self, is_spawned=self.is_spawned)))
        return self

    @model_validator(mode="after")
    def _files_agree(self) -> "TaskFields":
        if self.sources or self.artifacts or self.publish:
            refuse(list(_file_breaches(self)))
        return self


def _file_breaches(task: TaskFields) -> Iterator[Breach]:
    mounted = [mount.target for mount in task.mounts or () if mount.target]
    return file_breaches(
        artifacts=task.artifacts or (),
        sources=task.sources or (),
        publish=task.publish or (),
        large_result=task.large_result or "",
        taken=[*mounted, *(task.files or ())],
        workdir=task.workdir or "",
    )


class InnerTask(TaskFields):
    """A task within a `parallel` or `each`."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "needs": "is only for the tasks of a job or sub-job",
    }

    name: f.OptionalName | None = None
    """For people; may hold expressions."""

    @model_validator(mode="after")
    def _ends(self) -> "InnerTask":
        if self.placement and self.placement.type in ("service", "daemon"):
            rule = "is only for the tasks of a job or sub-job: what is part of a task must end"
            refuse([Breach(("placement", "type"), rule, self.placement.type)])
        return self


class Parallel(Tolerance):
    """Tasks that run at once."""

    tasks: f.Tasks[InnerTask]
    """All of them start together."""

    @model_validator(mode="after")
    def _as_many_as_there_are(self) -> "Parallel":
        refuse(list(tolerance_breaches(self, self.tasks)))
        return self


class Each(Tolerance):
    """One task for every item of a list."""

    list_: t.EachList
    """An expression that gives a list, or a list of any JSON values, which are not evaluated."""
    task: InnerTask
    """Its expressions read `item.index`, a text from "0", and `item.value`."""
    var: f.Variable | None = None
    """What `item` is called instead."""
    concurrency: t.Concurrency | None = None
    """How many may run at a time. Default: 0, any number."""

    @model_validator(mode="after")
    def _as_many_as_there_are(self) -> "Each":
        refuse(list(tolerance_breaches(self, self.list_)))
        return self


class SpawnTask(InnerTask):
    """It finds its parameters as JSON in the file `$TORK_PARAMETERS`, and writes a line of JSON for
    each task it makes into the file `$TORK_SPAWN`: `parameters`, and perhaps `sequence` (its own or
    a later one, by default the next) and `name`. They begin once it has succeeded. `$TORK_SEQUENCE`
    and `$TORK_QSEQUENCE` count from 0; expressions read `item.index`, `item.sequence` and
    `item.value`. With a `placement` each of them is an execution, and what that says of nodes holds
    for all of them together."""

    is_spawned: ClassVar[bool] = True

    @model_validator(mode="after")
    def _runs_a_program(self) -> "SpawnTask":
        refuse(list(spawn_breaches(self)))
        return self


class Spawn(Spec):
    """A task that runs once, with empty parameters, and then for each of the tasks that are made
    while it runs. The results are those that they have left, by sequence."""

    task: SpawnTask
    """What each of them runs. Default of its `retry`: 2 more tries after the exit code 111 and when
    its workers vanished, none after another failure."""
    concurrency: t.Concurrency | None = None
    """How many may run at a time. Default: 0, any number."""
    barrier: f.Flag | None = None
    """Whether all of a sequence must end before one of the next begins. Default: true."""
    max_tasks: t.MaxTasks | None = None
    """How many there may be; an attempt that makes more fails. Default: 10000."""
    explicit_success: f.Flag | None = None
    """Whether one that ends without a result has failed, whatever its exit code. Default: false."""


class StageTask(TaskFields):
    """What a stage of a partitioned task runs: a program of your own or a built-in one."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "needs": "is only for the tasks of a job or sub-job",
        "name": "is not for a stage: it is named after what it does",
    }

    builtin: f.ShortText | None = None
    """A program that comes with the worker and needs no image."""
    params: f.JsonTemplates | None = None
    """Of the built-in. Texts may hold expressions."""

    stage: ClassVar[Stage]

    @model_validator(mode="after")
    def _is_a_stage(self) -> "StageTask":
        refuse(list(stage_breaches(self, self.stage)))
        return self


class SplitTask(StageTask):
    """It reads the sources in the directory `$SOURCE_DIR` and writes `data_0.bin`, `data_1.bin`, …
    into `$CHUNKS_DIR`; or files of any name there, with a line of JSON for each in `chunks.jsonl`:
    `path`, `params`, `weight`, `label`. Built-in are `passthrough`, `replicate`, `lines`, `bytes`,
    `files`, `jsonArray` and `csvRows`."""

    stage: ClassVar[Stage] = "partition"


class ChunkTask(InnerTask):
    """It reads the chunk in `$TASK_DIR/data.bin`, and `$TASK_DIR/chunk.json` where chunks are
    described, and leaves files in the directory `$TASK_RESULTS_DIR`. `$CHUNK_INDEX` counts from 0
    to below `$CHUNK_COUNT`; expressions read `item.index` and `item.count`."""

    @model_validator(mode="after")
    def _is_a_stage(self) -> "ChunkTask":
        refuse(list(stage_breaches(self, None)))
        return self


class AssembleTask(StageTask):
    """It reads what the tasks have left in `$TASK_RESULTS_DIR`, a directory for each chunk by its
    index, beside `manifest.json`, which says how each has ended, and writes files into the
    directory `$OUTPUT_DIR`. Built-in are `passthrough`, `zip`, `concat` and `jsonMerge`."""

    stage: ClassVar[Stage] = "assemble"
    layout: Literal["byIndex", "flat"] | None = None
    """`flat`: all results are in one directory; of files with the same name, all but the first get
    the index of their chunk before it. Default: `byIndex`."""


class Params(Spec):
    """What each stage is told as JSON in a variable. Texts may hold expressions."""

    partitioner: f.JsonTemplates | None = None
    """`$PARTITIONER_PARAMS` of `split`; if that is built-in, its params as well."""
    app: f.JsonTemplates | None = None
    """`$APP_PARAMS` of `task`."""
    assembler: f.JsonTemplates | None = None
    """`$ASSEMBLER_PARAMS` of `assemble`; if that is built-in, its params as well."""


class Partitioned(Tolerance):
    """Work on data in parts: `split` makes chunks of the task's sources, `task` runs for each of
    them, `assemble` makes one result of theirs. They read the inputs and secrets of the job, and
    results of its tasks through `params`."""

    split: SplitTask
    """What makes the chunks."""
    task: ChunkTask
    """Run for every chunk."""
    assemble: AssembleTask
    """What makes the artifact `output`."""
    params: Params | None = None
    """Parameters of the stages."""
    concurrency: t.Concurrency | None = None
    """How many chunks may be worked on at a time. Default: 0, any number."""
    no_chunks: Literal["complete", "fail"] | None = None
    """`fail`: no chunk at all is an error. Default: `complete`."""

    @model_validator(mode="after")
    def _tolerates_once(self) -> "Partitioned":
        refuse(list(tolerance_breaches(self, None)))
        return self


class _ListedTask(TaskFields):
    needs: f.Listed[f.TaskName] | None = None
    """The names, as they are written, of the tasks of the same list that must be done before. An
    empty list: it starts at once. Default: it waits for all tasks listed before it."""


class SubjobTask(_ListedTask):
    """One entry of a sub-job's task list."""

    name: f.OptionalName | None = None
    """For people; may hold expressions."""


class TaskEntry(_ListedTask):
    """One entry of a job's task list."""

    name: f.TaskName
    """For people; may hold expressions."""


class Subjob(JobFields):
    """A job that a task stands for. It reads nothing of the job around it but what it is given
    here, where `name`, `description`, `inputs`, `secrets` and `webhooks` may hold expressions."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "permissions": "is only for jobs: a sub-job has those of the job around it",
        "uploads": "is only for jobs: a sub-job has those of the job around it",
        "schedule": "is only for POST /scheduled-jobs",
        "wait": "is only for POST /jobs: see `detached`",
        "hold": "is only for jobs",
        "startAt": "is only for jobs",
        "deadline": "is only for jobs: see `timeout`",
        "reuse": "is only for jobs",
        "submitId": "is only for jobs",
    }

    name: f.TaskName
    """For people and for the search; may hold expressions."""
    description: f.DescriptionTemplate | None = None
    """For people and for the search; may hold expressions."""
    tasks: Annotated[f.Tasks[SubjobTask], AfterValidator(refuse_bad_needs)]
    """Run one after the other, unless they say what they need."""
    inputs: f.InputTemplates | None = None
    """Its `inputs`, as those of a job; texts may hold expressions."""
    secrets: f.Secrets[f.HiddenTemplateValue] | None = None
    """Its `secrets`; they may hold expressions, best `{{ secrets.name }}`."""
    detached: f.Flag | None = None
    """The task is done as soon as the sub-job is made. Default: it waits for its end."""
    webhooks: f.Webhooks[Webhook] | None = None
    """Who is told about its changes. Default: nobody."""
