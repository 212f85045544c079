"""Which bucket, where, and by whose keys."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from shared.network.guard import Guard

Style = Literal["auto", "path", "virtual"]


@dataclass(frozen=True, slots=True)
class Environment:
    """The keys that AWS's own tools find: environment, shared files, the role of the machine."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A profile of a credentials file in AWS's format."""

    path: Path
    profile: str = "default"


@dataclass(frozen=True, slots=True)
class Keys:
    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Requests are not signed, as public buckets allow it."""


Credentials = Environment | KeyFile | Keys | Anonymous


@dataclass(frozen=True, slots=True)
class Bucket:
    """`endpoint` "" is AWS's of the region. `style` auto is path with an endpoint, else virtual.

    The names of objects follow `prefix`. Nothing is connected to that `guard` refuses.
    """

    name: str
    endpoint: str = ""
    region: str = "us-east-1"
    style: Style = "auto"
    credentials: Credentials = Environment()
    prefix: str = ""
    guard: Guard | None = None
