"""Tasks, what a task may be made of (parallel tasks, one task for each item, a job), and jobs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import AfterValidator, PrivateAttr, model_validator

from shared.jobspec import fields as f
from shared.jobspec.problems import Breach, Problem, refuse
from shared.jobspec.tork import task_fields as t
from shared.jobspec.tork.models.containers import AuxTask, Mount, Sidecar
from shared.jobspec.tork.models.files import (
    Artifacts,
    LargeResult,
    Publications,
    Sources,
    Uploads,
    file_breaches,
)
from shared.jobspec.tork.models.job_options import (
    AutoDelete,
    Permission,
    Wait,
    Webhook,
)
from shared.jobspec.tork.models.policies import Defaults, Limits, Registry, Retry, Spec
from shared.jobspec.tork.models.schedules import Schedule
from shared.jobspec.tork.needs import refuse_bad_needs


class TaskFields(Spec):
    """What every task may have. It is made of at most one of `parallel`, `each` and `subjob`; then
    it runs nothing of its own."""

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
    """Default: the job's `defaults`; without one, no second try."""
    limits: Limits | None = None
    """Default: the job's `defaults`, then the worker's settings."""
    timeout: f.PositiveDuration | None = None
    """How long one attempt may run. Default: the job's, then the worker's setting."""
    grace_period: f.GracePeriod | None = None
    """How long it may take to end, after SIGTERM (or the image's STOPSIGNAL), when it is cancelled
    or timed out, before it is killed. At most 1h; `0s` kills at once. Default: 10s."""
    queue_timeout: f.PositiveDuration | None = None
    """How long it may wait for a worker before it fails. Default: as long as it takes."""
    priority: f.Priority | None = None
    """Higher goes first within a queue. 0, the default, takes the job's default."""
    allow_failure: f.Flag | None = None
    """When it fails, what follows goes on as if it had completed. Default: false."""
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
    gpus: f.ShortText | None = None
    """Which graphics processors, as in `docker run --gpus`: `all`, `2`, `device=0`."""
    privileged: f.Flag | None = None
    """With all rights on the worker's machine; a worker whose operator doesn't allow it refuses.
    Default: false."""
    parallel: "Parallel | None" = None
    """These tasks at once, done when all are. A submission may be nested 200 mappings and lists
    deep, so tasks may stand in one another some 65 deep."""
    each: "Each | None" = None
    """A task for every item of a list."""
    subjob: "Subjob | None" = None
    """A job of its own; its result becomes the task's."""

    @model_validator(mode="after")
    def _runs_or_is_made_of_others(self) -> "TaskFields":
        refuse(list(_composite_breaches(self)))
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


_COMPOSITES = ("parallel", "each", "subjob")
_NOT_BESIDE_ONE: Mapping[str, str] = {
    **{name: name for name in ("image", "cmd", "entrypoint", "run", "env", "queue", "pre", "post")},
    **{name: name for name in ("sidecars", "mounts", "retry", "limits", "timeout", "privileged")},
    **{name: name for name in ("sources", "artifacts", "publish")},
    "large_result": "largeResult",
    "queue_timeout": "queueTimeout",
    "grace_period": "gracePeriod",
}
"""Field to its name on the wire: what only a task that runs something can have."""


def _composite_breaches(task: TaskFields) -> Iterator[Breach]:
    made_of = [name for name in _COMPOSITES if getattr(task, name) is not None]
    if not made_of:
        return
    for name in made_of[1:]:
        rule = f"must not stand beside {made_of[0]}: a task has one of parallel, each and subjob"
        yield Breach((name,), rule)
    for field, name in _NOT_BESIDE_ONE.items():
        if getattr(task, field):
            yield Breach((name,), f"must not stand beside {made_of[0]}")


class InnerTask(TaskFields):
    """A task within a `parallel` or `each`."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "needs": "is only for the tasks of a job or sub-job",
    }

    name: f.OptionalName | None = None
    """For people; may hold expressions."""


class Parallel(Spec):
    """Tasks that run at once."""

    tasks: f.Tasks[InnerTask]
    """All of them start together."""
    min_success: t.MinSuccess | None = None
    """How many must complete, or which share: `80%`. Default: all."""

    @model_validator(mode="after")
    def _as_many_as_there_are(self) -> "Parallel":
        refuse(list(_too_many(self.min_success, self.tasks)))
        return self


class Each(Spec):
    """One task for every item of a list."""

    list_: t.EachList
    """An expression that gives a list, or a list of any JSON values, which are not evaluated."""
    task: InnerTask
    """Its expressions read `item.index`, a text from "0", and `item.value`."""
    var: f.Variable | None = None
    """What `item` is called instead."""
    concurrency: t.Concurrency | None = None
    """How many may run at a time. Default: 0, any number."""
    min_success: t.MinSuccess | None = None
    """How many must complete, or which share: `80%`. Default: all."""

    @model_validator(mode="after")
    def _as_many_as_there_are(self) -> "Each":
        refuse(list(_too_many(self.min_success, self.list_)))
        return self


def _too_many(min_success: int | str | None, among: object) -> Iterator[Breach]:
    if isinstance(min_success, int) and isinstance(among, list) and min_success > len(among):
        rule = f"must be at most the number of tasks, {len(among)}"
        yield Breach(("minSuccess",), rule, min_success)


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


class JobFields(Spec):
    """What a job and a sub-job have in common."""

    description: f.Description | None = None
    """For people and for the search."""
    tags: f.Tags | None = None
    """For the search: `tag:nightly`."""
    output: f.Expression | None = None
    """Evaluated when the last task is done; its value is the job's `result`."""
    defaults: Defaults | None = None
    """For the tasks that don't set their own."""
    auto_delete: AutoDelete | None = None
    """Default: the job stays as long as the server keeps jobs."""
    timeout: f.PositiveDuration | None = None
    """How long the job may take, from the start of its first task. Default: any time."""


class Subjob(JobFields):
    """A job that a task stands for. It reads nothing of the job around it but what it is given
    here, where `name`, `description`, `inputs`, `secrets` and `webhooks` may hold expressions."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "permissions": "is only for jobs: a sub-job has those of the job around it",
        "uploads": "is only for jobs: a sub-job has those of the job around it",
        "schedule": "is only for POST /scheduled-jobs",
        "wait": "is only for POST /jobs: see `detached`",
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


for _model in (TaskFields, InnerTask, SubjobTask, TaskEntry):
    _model.model_rebuild()  # their fields name classes that were still to come


class SubmittedJob(JobFields):
    """What both ways to submit a job take."""

    name: f.JobName
    """For people and for the search; expressions read it as `job.name`."""
    tasks: Annotated[f.Tasks[TaskEntry], AfterValidator(refuse_bad_needs)]
    """Run one after the other, unless they say what they need."""
    inputs: f.Inputs | None = None
    """Values for expressions, as `inputs.` and the name. A single value is a text, as it is spelled
    (`1.10` stays `1.10`); lists and mappings keep their JSON types."""
    secrets: f.Secrets[f.Value] | None = None
    """Texts for expressions, as `secrets.` and the name; answers and logs never show them. No name
    may start with `conveyor.`."""
    uploads: Uploads | None = None
    """Ids of files that were sent before, by the names that `sources` have for them."""
    webhooks: f.Webhooks[Webhook] | None = None
    """Who is told about changes. Default: nobody."""
    permissions: list[f.Entry[Permission]] | None = None
    """Who may see the job, or act on it too, beside its creator. Default: everybody, unless the
    server is set otherwise (`CONVEYOR_AUTH_DEFAULT_ACCESS`)."""

    _warnings: tuple[Problem, ...] = PrivateAttr(())

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What of it works, but was hardly meant."""
        return self._warnings

    def warn(self, warnings: Sequence[Problem]) -> None:
        self._warnings = tuple(warnings)


class JobChanges(Spec):
    """What is other when a job is run again; the rest is as it was submitted."""

    inputs: f.Inputs | None = None
    """Values by name; they replace inputs of the same name."""
    secrets: dict[f.SecretName, f.Value] | None = None
    """Texts by name; they replace secrets of the same name."""
    uploads: Uploads | None = None
    """Ids of uploads by name; they replace uploads of the same name."""


class JobSpec(SubmittedJob):
    """A job as a client submits it."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "schedule": "is for scheduled jobs: submit it to POST /scheduled-jobs",
    }

    wait: Wait | None = None
    """Default: the submission is answered at once, with the summary."""


class ScheduledJobSpec(SubmittedJob):
    """A job that is started by a schedule."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "wait": "is only for POST /jobs: a scheduled job starts later",
    }

    schedule: Schedule
    """When it is started."""
