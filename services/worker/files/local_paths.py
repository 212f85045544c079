"""Which paths of the worker's machine tasks may have, and which they may change."""

import os
import re
from dataclasses import dataclass
from functools import cached_property

from conveyor.extensions.runtimes import RuntimeRejected
from shared.files.settings import LocalPath

_SETTING = "CONVEYOR_FILES_LOCAL_PATHS"
_GLOB = re.compile(r"\*\*/?|\*|\?|\[[^]/]+\]|[^*?\[]+|\[")


@dataclass(frozen=True)
class LocalPaths:
    """What lies below an allowed path is allowed as well."""

    allowed: tuple[LocalPath, ...] = ()

    def readable(self, path: str) -> str:
        """The path with its links followed, so that none can escape. Raises RuntimeRejected."""
        resolved = _resolved(path)
        if not self._matching(resolved):
            raise RuntimeRejected(f"{path!r} is in none of the worker's {_SETTING}")
        return resolved

    def writable(self, path: str) -> str:
        """As `readable`; there may be nothing yet."""
        if not self.is_writable(resolved := self.readable(path)):
            raise RuntimeRejected(f"{path!r} may only be read, by the worker's {_SETTING}")
        return resolved

    def is_writable(self, resolved: str) -> bool:
        return any(each.is_writable for each in self._matching(resolved))

    def _matching(self, resolved: str) -> list[LocalPath]:
        return [each for each, rule in self._rules if rule.match(resolved)]

    @cached_property
    def _rules(self) -> list[tuple[LocalPath, re.Pattern[str]]]:
        return [(each, _compiled(each.glob)) for each in self.allowed]


def _resolved(path: str) -> str:
    if not path.startswith("/") or "\0" in path:
        raise RuntimeRejected(f"the path {path!r} must be absolute")
    return os.path.realpath(path)


def _compiled(pattern: str) -> re.Pattern[str]:
    """What comes before the first wildcard is resolved as the paths are that are compared."""
    pattern = pattern.rstrip("/").removesuffix("/**")  # all that lies below is allowed anyway
    plain = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    folder = plain if plain == pattern else plain.rpartition("/")[0]
    resolved = os.path.realpath(folder or "/")
    rest = pattern[len(folder) :]
    regex = "".join(map(_regex_of, _GLOB.findall(rest)))
    start = "" if resolved == "/" else re.escape(resolved)
    return re.compile(f"{start}{regex}(/.*)?$", re.DOTALL)


def _regex_of(part: str) -> str:
    match part:
        case "**":
            return ".*"
        case "**/":
            return "(.*/)?"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
        case _ if part.startswith("[") and len(part) > 1:
            inner = part[1:-1].replace("\\", r"\\")
            return f"[^{inner[1:]}/]" if inner.startswith("!") else f"[{inner}]"
        case _:
            return re.escape(part)
