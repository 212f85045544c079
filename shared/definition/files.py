"""The values of files: what a task keeps, what is brought to it, and where its results also go."""

from dataclasses import dataclass, field
from typing import Literal

OVER_QUOTA = "the job would keep more bytes of files than it may (CONVEYOR_FILES_JOB_BYTES)"


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file or directory at `path`, in its container or below its working directory, that is kept;
    with `always` also when the task fails."""

    name: str
    path: str
    always: bool = False


@dataclass(frozen=True, kw_only=True)
class S3Object:
    """What is at `key` of a bucket: one object, or all below `directory/`, or all that start as
    `prefix*`, of which `filter`, a regular expression, may choose some.

    `credentials` names a login the worker has; the keys are a login of their own. What is empty is
    as the worker's settings have it.
    """

    bucket: str
    key: str = ""
    filter: str = ""
    endpoint: str = ""
    region: str = ""
    style: Literal["", "path", "virtual"] = ""
    version_id: str = ""
    credentials: str = ""
    access_key: str = ""
    secret_key: str = ""
    session_token: str = ""


@dataclass(frozen=True, kw_only=True)
class TakenArtifact:
    """An artifact that was kept: `object` is its name in the store.

    A single file is that object, and `files` is None; it has the permissions `mode`. A directory of
    `files` files is a tar there, beside its index; `sha256` is then that of the index. `path` is a
    file or a directory within, or empty.
    """

    object: str
    file_name: str
    size: int
    sha256: str
    files: int | None = None
    path: str = ""
    mode: int = 0o644


@dataclass(frozen=True, kw_only=True)
class TakenChild:
    """What a child of a composite task has left; `artifact` is None where it kept none."""

    index: int
    task_id: str
    state: str
    exit_code: int | None = None
    artifact: TakenArtifact | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is brought to `target` before the task starts: one of the seven below.

    `artifact` is `[job/]task.name[/path]`, and `at` is where that task stands, if it is of the same
    job: its position in the list and the index of each child. Planning puts what it stands for in
    `taken` or, when the task has children, in `children`. `upload` names one of the job's uploads,
    and planning puts it in `taken`. `ipfs` is a CID and perhaps a path in it, `inline` the text
    itself or a `data:` URL, `local` a path on the worker. `extract` unpacks an archive into the
    directory `target`.
    """

    target: str
    artifact: str | None = None
    upload: str | None = None
    url: str | None = None
    s3: S3Object | None = None
    ipfs: str | None = None
    inline: str | None = None
    local: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    sha256: str = ""
    read_only: bool = False
    extract: bool = False
    at: tuple[int, ...] = ()
    taken: TakenArtifact | None = None
    children: tuple[TakenChild, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Publication:
    """Where `artifact`, or without a name every artifact, goes besides: to S3, to IPFS, or to a
    directory of the worker."""

    artifact: str | None = None
    s3: S3Object | None = None
    ipfs: bool = False
    local: str | None = None
