"""The values of files: what a task keeps, what is brought to it, and where its results also go."""

from dataclasses import dataclass, field
from typing import Literal

OVER_QUOTA = "the job would keep more bytes of files than it may (CONVEYOR_FILES_JOB_BYTES)"


STDOUT, STDERR, EXIT_CODE = "stdout", "stderr", "exitCode"
"""What a bundle has beside artifacts."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file or directory at `path`, in its container or below its working directory, that is kept;
    with `always` also when the task fails. `chunks`: a directory of chunks, which the worker checks
    (`data_0.bin`, `data_1.bin`, … or what `chunks.jsonl` in it lists). What is kept has
    `data_<n>.bin` for each and, where they were listed, its line as `chunk_<n>.json`."""

    name: str
    path: str
    always: bool = False
    chunks: bool = False


@dataclass(frozen=True, kw_only=True)
class Partition:
    """Which objects an execution gets of many: each goes to one of them, by what of its key is
    looked at. Below what the key of the source has: what `pattern` matches (its groups, if it has
    some), the characters from `start` to before `end`, or the date that begins as `date_format`
    says, in the spelling of Go."""

    type: Literal["object", "regex", "substring", "date"]
    pattern: str = ""
    start: int = 0
    end: int = 0
    date_format: str = ""


@dataclass(frozen=True, kw_only=True)
class S3Object:
    """What is at `key` of a bucket: one object, or all below `directory/`, or all that start as
    `prefix*`, of which `filter`, a regular expression, may choose some.

    `credentials` names a login the worker has; the keys are a login of their own. What is empty is
    as the worker's settings have it. What is published there as `gzip` is one object, a `.tar.gz`.
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
    partition: Partition | None = None
    encoding: Literal["plain", "gzip"] = "plain"


@dataclass(frozen=True, kw_only=True)
class TakenArtifact:
    """An artifact that was kept: `object` is its name in the store.

    A single file is that object, and `files` is None; it has the permissions `mode`. A directory of
    `files` files is a tar there, beside its index; `sha256` is then that of the index. `path` is a
    file or a directory within, or empty. `chunks` is how many it has, if it is of that kind.
    """

    object: str
    file_name: str
    size: int
    sha256: str
    files: int | None = None
    path: str = ""
    mode: int = 0o644
    chunks: int | None = None


@dataclass(frozen=True, kw_only=True)
class TakenChild:
    """What a child of a composite task has left; `artifact` is None where it kept none. `error` is
    why it failed."""

    index: int
    task_id: str
    state: str
    exit_code: int | None = None
    attempt: int = 0
    error: str | None = None
    artifact: TakenArtifact | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is brought to `target` before the task starts: one of the seven below.

    `artifact` is `[job/]task.name[/path]`, and `at` is where that task stands, if it is of the same
    job: its position in the list and the index of each child. Planning puts what it stands for in
    `taken` or, when the task has children, in `children`. `upload` names one of the job's uploads,
    and planning puts it in `taken`. `ipfs` is a CID and perhaps a path in it, `inline` the text
    itself or a `data:` URL, `local` a path on the worker. `extract` unpacks an archive into the
    directory `target`. Of an artifact with chunks, `chunk` is the one that is brought into the
    directory `target`, as `data.bin` and `chunk.json`. At `local` the task `writes`: where it may
    not, it is refused; and `create` makes what is not there. With `is_flat`, what the children
    have left is in `target` itself.
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
    writes: bool = False
    create: Literal["", "file", "directory"] = ""
    at: tuple[int, ...] = ()
    chunk: int | None = None
    is_flat: bool = False
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
