"""The level of a line of a log, as far as it says so itself."""

import re

LEVELS = ("UNKNOWN", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "PANIC")
_NAMED = re.compile(
    r"\b(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL|PANIC)\b", re.IGNORECASE
)
_SAME = {"WARNING": "WARN", "CRITICAL": "FATAL"}
_HEAD = 80


def level_of(line: str) -> str:
    """Named near the beginning, as loggers do; else UNKNOWN."""
    found = _NAMED.search(line[:_HEAD])
    if found is None:
        return "UNKNOWN"
    name = found[1].upper()
    return _SAME.get(name, name)
