"""The parts of a job that are shown as they were submitted, but for secrets."""

from datetime import datetime
from typing import Literal

from services.coordinator.api.replies import Answer


class RetryView(Answer):
    limit: int | None = None
    """How many retries there may be."""
    attempts: int | None = None
    """How many retries came before this attempt; left out for the first."""
    initial_delay: str | None = None
    """The wait before the first retry."""
    scaling_factor: float | None = None
    """What each further wait is multiplied by."""
    max_delay: str | None = None
    """No wait is longer."""
    jitter: float | None = None
    """The largest share of a wait, 0 to 1, that chance may take off."""
    on: list[int | str] | None = None
    """Which failures are tried again: exit codes, `timeout`, `memory`, `lost`."""
    reset_after: str | None = None
    """An attempt that ran so long was healthy: after it, retries are counted anew."""
    memory_factor: float | None = None
    """What the memory limit is multiplied by after an attempt that exceeded it."""
    max_memory: str | None = None
    """The limit grows no further."""


class LimitsView(Answer):
    cpus: str | None = None
    """How many processors, such as `0.5`."""
    memory: str | None = None
    """Such as `500m`; units are powers of 1024."""


class RegistryView(Answer):
    username: str | None = None
    """The account."""
    password: str | None = None
    """Shown as `[REDACTED]`."""


class DefaultsView(Answer):
    retry: RetryView | None = None
    """For tasks without `retry`."""
    limits: LimitsView | None = None
    """For tasks without `limits`."""
    timeout: str | None = None
    """How long one attempt may run, such as `1h30m`."""
    queue: str | None = None
    """Which workers get the tasks."""
    priority: int | None = None
    """0 to 9, higher first."""


class ReuseView(Answer):
    scope: Literal["own", "readable"] | None = None
    """Whose jobs will do; without it `own`."""
    include_unfinished: bool | None = None
    """Whether a job that has not ended will do; without it true."""
    max_age: str | None = None
    """How long ago it may have completed."""
    on_output_conflict: Literal["new", "oldest"] | None = None
    """Which job it is when several left different results; without it `new`."""
    tasks: bool | None = None
    """Whether its tasks may end as tasks of other jobs have."""
    nondeterministic: bool | None = None
    """Whether it must not be reused itself."""


class WebhookView(Answer):
    url: str | None = None
    """Where events are posted."""
    headers: dict[str, str] | None = None
    """Sent with each event; values under secret-sounding names show as `[REDACTED]`."""
    event: str | None = None
    """Which events; without it `job.StateChange`."""
    if_: str | None = None
    """The condition for sending."""
    secret: str | None = None
    """What signs the requests: the expression that reads it, else `[REDACTED]`."""
    format: str | None = None
    """The body: `tork` (default) or `standard`."""
    payload: str | None = None
    """`full` (default) or `thin`: ids and states only."""


class AutoDeleteView(Answer):
    after: str
    """How long after completion, such as `24h`."""


class UserView(Answer):
    """Who a job belongs to, or may be seen by."""

    id: str
    """Another for each user, also of those who had the same name one after the other."""
    username: str
    """What they log in with; `key:` and the id of a key that nobody owns."""
    name: str
    """For people."""
    created_at: datetime | None = None
    """When the user was made; left out for one that is gone."""


class RoleView(Answer):
    """A role that may see a job."""

    id: str
    """The same for the same slug."""
    slug: str
    """What permissions name."""
    name: str
    """For people."""
    created_at: datetime | None = None
    """When the role was made."""


class PermissionView(Answer):
    """One of the two."""

    role: RoleView | None = None
    """All who have this role."""
    user: UserView | None = None
    """This user."""
    access: Literal["view"] | None = None
    """`view`: they may see the job, not act on it."""


class MountView(Answer):
    type: str | None = None
    """`volume`, `bind`, `tmpfs`, or what a worker knows beside them."""
    source: str | None = None
    """What is mounted."""
    target: str | None = None
    """Where the task finds it."""
    opts: dict[str, str] | None = None
    """Settings that the type of mount knows."""


class PartitionView(Answer):
    type: str | None = None
    """`object`, `regex`, `substring` or `date`."""
    pattern: str | None = None
    """The regular expression."""
    start_index: int | None = None
    """The first character; without it 0."""
    end_index: int | None = None
    """The character after the last."""
    date_format: str | None = None
    """How a date is written."""


class S3View(Answer):
    bucket: str | None = None
    """The bucket."""
    key: str | None = None
    """An object, a `directory/` or a `prefix*`."""
    filter: str | None = None
    """What the keys of many must match."""
    version_id: str | None = None
    """The version of an object."""
    partition: PartitionView | None = None
    """How many objects are dealt out to executions."""
    region: str | None = None
    """Where the bucket is."""
    encoding: str | None = None
    """`gzip`: the artifact goes there as one object, a `.tar.gz`."""
    endpoint: str | None = None
    """The URL of what speaks S3."""
    style: str | None = None
    """`path` or `virtual`: where the bucket stands in URLs."""
    credentials: str | None = None
    """The name that the worker has for a login."""
    access_key: str | None = None
    """The expression that reads it, else `[REDACTED]`."""
    secret_key: str | None = None
    """The expression that reads it, else `[REDACTED]`."""
    session_token: str | None = None
    """The expression that reads it, else `[REDACTED]`."""


class SourceView(Answer):
    artifact: str | None = None
    """What an earlier task has kept."""
    upload: str | None = None
    """The name of an upload of the job."""
    url: str | None = None
    """The http or https URL."""
    s3: S3View | None = None
    """Objects of S3."""
    ipfs: str | None = None
    """A CID, and perhaps a path in it."""
    inline: str | None = None
    """The text itself, or a `data:` URL."""
    local: str | None = None
    """A path on the worker."""
    target: str | None = None
    """Where the task finds it."""
    read_only: bool | None = None
    """Whether the task can't change it."""
    extract: bool | None = None
    """Whether the archive is unpacked into `target`."""
    sha256: str | None = None
    """What the content must have."""
    headers: dict[str, str] | None = None
    """Sent to the URL; values under secret-sounding names show as `[REDACTED]`."""


class ArtifactView(Answer):
    name: str | None = None
    """How others call it."""
    path: str | None = None
    """Where the task leaves it."""
    when: str | None = None
    """`always`: also when the task fails."""
    chunks: bool | None = None
    """Whether it is a directory of chunks."""


class PublicationView(Answer):
    artifact: str | None = None
    """Which artifact; without it all of them."""
    s3: S3View | None = None
    """To S3."""
    ipfs: bool | None = None
    """To IPFS."""
    local: str | None = None
    """Into a directory of the worker."""


class AuxTaskView(Answer):
    name: str | None = None
    """For people."""
    description: str | None = None
    """For people."""
    image: str | None = None
    """The container image."""
    registry: RegistryView | None = None
    """The login for the image."""
    cmd: list[str] | None = None
    """The command's arguments."""
    entrypoint: list[str] | None = None
    """The program and its first arguments."""
    run: str | None = None
    """The shell script."""
    env: dict[str, str] | None = None
    """The environment; values under secret-sounding names show as `[REDACTED]`."""
    files: dict[str, str] | None = None
    """Texts by path, below the working directory."""
    timeout: str | None = None
    """How long it may run."""


class ProbeView(Answer):
    path: str | None = None
    """What is asked for by HTTP."""
    port: int | None = None
    """Where the sidecar listens."""
    command: list[str] | None = None
    """What is run in the sidecar instead."""
    timeout: str | None = None
    """How long it may take until it answers."""


class SidecarView(AuxTaskView):
    probe: ProbeView | None = None
    """How it shows that it is ready."""


class TemplateView(Answer):
    """A version of a template."""

    name: str
    """Its name."""
    version: str
    """`major.minor`."""


class ScheduleView(Answer):
    """The scheduled job that a job comes from."""

    id: str
    """The scheduled job's id."""
    cron: str | None = None
    """When it makes jobs; left out when it is deleted."""
    scheduled_at: datetime | None = None
    """The time that the job was due."""
