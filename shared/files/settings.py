"""The settings of files: where the store is, and what workers may bring to tasks and take.

All services read the same block: those of one Conveyor have the same store.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator
from yarl import URL

from shared.files.links import Links
from shared.network.guard import Guard, parse_networks, parse_ports
from shared.process.extensions import Group, check_known
from shared.process.settings.blocks import Block, listed

BUILT_IN_SCHEMES = ("http", "https", "s3")
_LEAST_KEY = 32
_GIGABYTE = 1024**3


@dataclass(frozen=True, slots=True)
class LocalPath:
    """Paths of this machine that tasks may have. In the glob `**` is any number of folders."""

    glob: str
    is_writable: bool = False


def parse_local_path(text: str) -> LocalPath:
    """Of `/data/**` or `/results:rw`. Raises ValueError."""
    path, colon, mode = text.rpartition(":")
    if colon and "/" not in mode:
        if mode not in ("ro", "rw"):
            raise ValueError(f"{text!r} must end with :ro or :rw, or with neither")
        text = path
    if not text.startswith("/") or ".." in text.split("/"):
        raise ValueError(f"{text!r} is not an absolute path such as /data/** or /results:rw")
    return LocalPath(text, colon == ":" and mode == "rw")


def _check_store(text: str) -> str:
    scheme, separator, _ = text.partition("://")
    if not separator:
        return text
    if scheme not in BUILT_IN_SCHEMES:
        check_known(Group.FILE_STORES, scheme, BUILT_IN_SCHEMES)
        return text
    url = _url(text)
    if scheme == "s3" and (url.explicit_port or url.user):
        raise ValueError("must be s3://BUCKET or s3://BUCKET/PREFIX")
    return text


def _check_url(text: str) -> str:
    if text and _url(text).scheme not in ("http", "https"):
        raise ValueError("must start with http:// or https://")
    return text


def _url(text: str) -> URL:
    url = URL(text)
    if not url.host or url.query_string or url.fragment:
        raise ValueError("must be a URL with a host, and without a query")
    return url


def _check_keys(text: SecretStr) -> SecretStr:
    if any(len(key) < _LEAST_KEY for key in listed(text.get_secret_value())):
        raise ValueError(f"each key must have at least {_LEAST_KEY} characters")
    return text


def _each(parse: Callable[[str], object]) -> AfterValidator:
    def check(text: str) -> str:
        for part in listed(text):
            parse(part)
        return text

    return AfterValidator(check)


class FilesSettings(Block):
    store: Annotated[str, AfterValidator(_check_store)] = Field(
        "",
        description="Where files are kept, the same place for all services: a directory; "
        "`s3://BUCKET/PREFIX`; `http://COORDINATOR:8000`, for a service that does not have the "
        "directory of the coordinator; or `NAME://…`, a store of an installed package. Empty: "
        "jobs cannot keep files.",
    )
    link_key: Annotated[SecretStr, AfterValidator(_check_keys)] = Field(
        SecretStr(""),
        description="Key of the links by which other services use the directory of the "
        "coordinator, the same on all of them: at least 32 characters (`openssl rand -hex 32`). "
        "Several keys, comma-separated: the first signs, all are accepted. Empty: the coordinator "
        "serves no objects.",
    )
    job_bytes: int = Field(
        0, ge=0, description="Maximum size of all files that a job keeps. 0: unlimited."
    )
    bucket_hours: float = Field(
        48,
        gt=0,
        description="Retention of what jobs of ByteNite deliver to the descriptor `bucket`, from "
        "their end. Links to it end then, too.",
    )
    s3_endpoint: Annotated[str, AfterValidator(_check_url)] = Field(
        "",
        description="Address of the S3 server of the store: `https://storage.googleapis.com`, "
        "`https://gateway.storjshare.io`, `http://minio:9000`. Empty: AWS.",
    )
    s3_region: str = Field(
        "", description="Region of the bucket. Empty: `AWS_REGION`, else `us-east-1`."
    )
    s3_style: Literal["auto", "path", "virtual"] = Field(
        "auto",
        description="Whether the bucket is in the path or in the host name of requests. `auto`: "
        "`path` with an endpoint, `virtual` without.",
    )
    s3_access_key: str = Field(
        "",
        description="Access key of the store; of Google Cloud Storage, an HMAC key. Empty: those "
        "of the AWS tools are used (`AWS_ACCESS_KEY_ID`, `~/.aws`, the role of the machine).",
    )
    s3_secret_key: SecretStr = Field(
        SecretStr(""), description="Secret key that belongs to `s3_access_key`."
    )
    s3_session_token: SecretStr = Field(
        SecretStr(""), description="Session token of temporary keys."
    )
    s3_credentials_file: str = Field(
        "",
        description="File with the keys of the store, in the format of `~/.aws/credentials`. It is "
        "read at start, instead of the other places.",
    )
    s3_profile: str = Field("default", description="Profile in `s3_credentials_file`.")
    job_credentials_file: str = Field(
        "",
        description="File with keys that jobs may use by the name of their profile "
        "(`credentials: NAME` of an S3 source), in the format of `~/.aws/credentials`. Sources "
        "without keys use its profile `default`; if there is none, they are read without a "
        "signature. The keys of the store are never used for them.",
    )
    allowed_networks: Annotated[str, AfterValidator(lambda t: _checked(parse_networks, t))] = Field(
        "",
        description="Networks that sources and `publish` may reach although they aren't part of "
        "the public internet, comma-separated: `10.1.0.0/16,fd00:1::/64`.",
    )
    allowed_ports: Annotated[str, AfterValidator(lambda t: _checked(parse_ports, t))] = Field(
        "",
        description="Ports that sources and `publish` may use, comma-separated: `443,8000-8999`. "
        "Empty: all.",
    )
    http_bytes: int = Field(
        100 * _GIGABYTE, gt=0, description="Maximum size of a file from an `http(s)` URL."
    )
    http_timeout_seconds: float = Field(
        3600, gt=0, description="Time-out for one file from an `http(s)` URL."
    )
    extract_bytes: int = Field(
        100 * _GIGABYTE,
        gt=0,
        description="Maximum size of the files in an archive that a source extracts.",
    )
    ipfs_url: Annotated[str, AfterValidator(_check_url)] = Field(
        "",
        description="Address of the HTTP API of Kubo, for IPFS: `http://127.0.0.1:5001`. Empty: "
        "IPFS is not available.",
    )
    local_paths: Annotated[str, _each(parse_local_path)] = Field(
        "",
        description="Paths of the worker's machine that tasks can take as `local` sources, "
        "comma-separated, `*` and `**` allowed: `/data/**,/results:rw`. With `:rw` tasks can also "
        "publish to them. Empty: none.",
    )
    cache_dir: str = Field(
        "",
        description="Directory in which a worker keeps what it has fetched, for later tasks. "
        "Empty: `conveyor-files` in the temporary directory.",
    )
    cache_bytes: int = Field(
        10 * _GIGABYTE,
        ge=0,
        description="Maximum size of that directory. What is in use can exceed it.",
    )
    task_cache_dir: str = Field(
        "",
        description="Directory in which partitioned tasks find `$SHARED_CACHE_DIR`, its directory "
        "`shared`, which the operator fills, and `$USER_CACHE_DIR`, one for each owner of jobs. "
        "The container engine must have it at the same path. Empty: tasks have no such variables.",
    )
    task_cache_bytes: int = Field(
        10 * _GIGABYTE,
        ge=0,
        description="Maximum size of the owners' directories in it, together: those that were not "
        "used for longest are removed, each as a whole. What is in use can exceed it. A worker "
        "that is not root cannot remove what root has left there in a container.",
    )

    @property
    def is_on(self) -> bool:
        return bool(self.store)

    @property
    def most_job_bytes(self) -> int | None:
        """None: unlimited."""
        return self.job_bytes or None

    @property
    def scheme(self) -> str:
        """Of the store; "" for a directory."""
        scheme, separator, _ = self.store.partition("://")
        return scheme if separator else ""

    @property
    def directory(self) -> Path | None:
        """None where the store is none."""
        return Path(self.store) if self.store and not self.scheme else None

    @property
    def links(self) -> Links | None:
        """By which the objects of a directory are read and written through a coordinator."""
        keys = tuple(key.encode() for key in listed(self.link_key.get_secret_value()))
        base = self.store.rstrip("/") if self.scheme in ("http", "https") else ""
        return Links(f"{base}/objects", keys) if keys else None

    @property
    def guard(self) -> Guard:
        """What addresses that jobs name have to keep to."""
        return Guard(
            parse_networks(listed(self.allowed_networks)),
            parse_ports(listed(self.allowed_ports)),
            "CONVEYOR_FILES_ALLOWED_NETWORKS",
        )

    @property
    def allowed_local_paths(self) -> tuple[LocalPath, ...]:
        return tuple(map(parse_local_path, listed(self.local_paths)))

    @model_validator(mode="after")
    def _fits_together(self) -> "FilesSettings":
        if self.scheme in ("http", "https") and self.links is None:
            raise ValueError("CONVEYOR_FILES_LINK_KEY is required where the store is a coordinator")
        if bool(self.s3_access_key) != bool(self.s3_secret_key.get_secret_value()):
            raise ValueError(
                "CONVEYOR_FILES_S3_ACCESS_KEY and CONVEYOR_FILES_S3_SECRET_KEY require each other"
            )
        return self


def _checked(parse: Callable[[tuple[str, ...]], object], text: str) -> str:
    parse(listed(text))
    return text
