"""Whether a submission may be answered with an earlier job: a key of its `Meta` says so, which any
client of Bacalhau sends on."""

from collections.abc import Iterator

from shared.definition import Reuse
from shared.jobspec.bacalhau import amounts
from shared.jobspec.bacalhau import models as m
from shared.jobspec.problems import Problem

REUSE_META = "conveyor.reuse"
_ALWAYS, _NEVER = "true", "false"


def reuse_of(job: m.Job) -> Reuse | None:
    """Of a job that is checked. A length of time is how old the earlier one may be."""
    text = job.meta.get(REUSE_META, _NEVER)
    if text in (_ALWAYS, _NEVER):
        return Reuse() if text == _ALWAYS else None
    return Reuse(max_age=amounts.duration(text))


def reuse_problems(job: m.Job) -> Iterator[Problem]:
    text = job.meta.get(REUSE_META, _NEVER)
    if text == _NEVER:
        return
    rule = None
    if job.type != "batch":
        rule = "is for jobs of type batch"
    elif text != _ALWAYS:
        try:
            age = amounts.duration(text)
        except ValueError:
            rule = f"must be {_ALWAYS}, {_NEVER} or how old the earlier job may be, such as 24h"
        else:
            if not age.seconds:  # would be no limit at all
                rule = "must be longer than zero"
    if rule:
        yield Problem("", f"job meta key '{REUSE_META}' {rule}", place=("Meta", REUSE_META))
