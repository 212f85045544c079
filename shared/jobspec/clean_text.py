"""Text and nesting that could be read but not kept: Postgres knows no NUL, UTF-8 no lone half."""

import re
from collections.abc import Iterator

from shared.jobspec.problems import InvalidJob, Problem

MAX_DEPTH = 64

_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


def refuse_unkeepable(value: object) -> None:
    """Raises InvalidJob when a text anywhere in `value`, keys included, can't be stored."""
    problems = list(_problems(value, "", 0))
    if problems:
        raise InvalidJob(problems)


def _problems(value: object, field: str, depth: int) -> Iterator[Problem]:
    if depth > MAX_DEPTH:
        yield Problem(field[:80], f"must not be nested more than {MAX_DEPTH} deep")
    elif isinstance(value, str):
        if _UNKEEPABLE.search(value):
            yield Problem(field, "must not hold NUL characters or lone surrogates")
    elif isinstance(value, dict):
        for key, item in value.items():
            if _UNKEEPABLE.search(key):
                yield Problem(field, "must not have a key with NUL characters or lone surrogates")
            else:
                yield from _problems(item, f"{field}.{key}" if field else key, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _problems(item, f"{field}[{index}]", depth + 1)
