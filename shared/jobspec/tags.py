"""Tags, which name a version of what is registered: `name`, `name@major`, `name@major.minor`."""

import re
from typing import NamedTuple

NAME_PATTERN = "^[A-Za-z0-9_-]{1,64}$"
VERSION_PATTERN = r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$"
TAG_PATTERN = r"^[A-Za-z0-9_-]{1,64}(@(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8}))?)?$"

_NAME_RULE = "must be 1 to 64 letters, digits, - and _"
_VERSION_RULE = "must be two whole numbers with a dot, such as 1.0"
_TAG_RULE = "must be a name, or a name with a version: name@1 or name@1.2"


class Version(NamedTuple):
    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


class Tag(NamedTuple):
    """Without `major` it stands for the newest version, without `minor` for the newest of it."""

    name: str
    major: int | None = None
    minor: int | None = None

    def __str__(self) -> str:
        version = [str(part) for part in (self.major, self.minor) if part is not None]
        return f"{self.name}@{'.'.join(version)}" if version else self.name

    @property
    def is_exact(self) -> bool:
        return self.minor is not None


def check_name(text: str) -> str:
    """`text` unchanged. Raises ValueError."""
    if not re.fullmatch(NAME_PATTERN, text, re.ASCII):
        raise ValueError(_NAME_RULE)
    return text


def parse_version(text: str) -> Version:
    """Raises ValueError."""
    found = re.fullmatch(VERSION_PATTERN, text, re.ASCII)
    if not found:
        raise ValueError(_VERSION_RULE)
    return Version(int(found[1]), int(found[2]))


def parse_tag(text: str) -> Tag:
    """Raises ValueError."""
    if not re.fullmatch(TAG_PATTERN, text, re.ASCII):
        raise ValueError(_TAG_RULE)
    name, _, version = text.partition("@")
    return Tag(name, *map(int, version.split("."))) if version else Tag(name)
