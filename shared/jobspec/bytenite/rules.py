"""The rules of a job of ByteNite: all that are broken are told, each at its field."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from shared.definition.labels import label_value_error
from shared.jobspec.bytenite import models as m
from shared.jobspec.cron.moments import moment_of
from shared.jobspec.limits import MAX_CONSTRAINTS, MAX_DESCRIPTION, MAX_NAME
from shared.jobspec.problems import Place, Problem, field_path

MAX_RETRIES = 10
MAX_MEMORY_FACTOR = 10
_MAX_SECONDS = 366 * 24 * 3600
_ALL = 100
_TAG = re.compile(r"[A-Za-z0-9_-]{1,64}(@[0-9]{1,9}(\.[0-9]{1,9})?)?")
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TAG_RULE = "must be a name, name@1 or name@1.2; a name has 1 to 64 letters, digits, - and _"


def problems_of(job: m.Job) -> Iterator[Problem]:
    """What is wrong already in a draft."""
    if not job.template_id:
        yield _at(("templateId",), "is required")
    elif not _TAG.fullmatch(job.template_id):
        yield _at(("templateId",), _TAG_RULE, job.template_id)
    if len(job.name) > MAX_NAME:
        yield _at(("name",), f"must have at most {MAX_NAME} characters")
    if len(job.description) > MAX_DESCRIPTION:
        yield _at(("description",), f"must have at most {MAX_DESCRIPTION} characters")
    yield from _config_problems(job.config, ("config",))
    yield from _time_problems(job)
    yield from _region_problems(job.regions, ("regions",))
    yield from _tolerance_problems(job)


def id_problems(job_id: str, field: str) -> Iterator[Problem]:
    if not _JOB_ID.fullmatch(job_id):
        yield _at((field,), "must have 1 to 64 letters, digits, - and _", job_id)


def _at(place: Place, rule: str, value: object = None) -> Problem:
    shown = None if value is None else repr(value) if isinstance(value, str) else str(value)
    return Problem(field_path(place), rule, shown and shown[:_ALL], place=place)


def _config_problems(config: m.Config, place: Place) -> Iterator[Problem]:
    for name, seconds in (("taskTimeout", config.task_timeout), ("jobTimeout", config.job_timeout)):
        if not 0 <= seconds <= _MAX_SECONDS:
            rule = f"must be a number of seconds from 0 (none) to {_MAX_SECONDS}"
            yield _at((*place, name), rule, seconds)
    retries = config.max_task_retries or 0
    if not 0 <= retries <= MAX_RETRIES:
        yield _at((*place, "maxTaskRetries"), f"must be from 0 to {MAX_RETRIES}", retries)
    factor = config.memory_factor
    if factor is not None and not 1 <= factor <= MAX_MEMORY_FACTOR:
        rule = f"must be from 1 to {MAX_MEMORY_FACTOR}"
        yield _at((*place, "memoryFactor"), rule, factor)
    if (copies := config.replication_factor or 1) != 1:
        rule = "must be 1: workers are trusted, so a chunk is not run on several to compare them"
        yield _at((*place, "replicationFactor"), rule, copies)


def _time_problems(job: m.Job) -> Iterator[Problem]:
    times: dict[str, datetime] = {}
    for name, text in (("startAt", job.start_at), ("deadline", job.deadline)):
        try:
            if text is not None:
                times[name] = moment_of(text)
        except ValueError:  # the client's mistake
            rule = "must be a time with an offset, such as 2030-01-31T12:00:00Z"
            yield _at((name,), rule, text)
    if len(times) > 1 and times["deadline"] <= times["startAt"]:
        yield _at(("deadline",), "must be after startAt", job.deadline)


def _region_problems(regions: m.SelectionList, place: Place) -> Iterator[Problem]:
    for name, values in (("whitelist", regions.whitelist), ("blacklist", regions.blacklist)):
        if len(values) > MAX_CONSTRAINTS:
            yield _at((*place, name), f"must have at most {MAX_CONSTRAINTS} entries")
        for index, value in enumerate(values[:MAX_CONSTRAINTS]):
            if not value or label_value_error(value):
                rule = "must be the name of a region: letters, digits, '-', '_' and '.'"
                yield _at((*place, name, index), rule, value)
    if both := _in_both(regions.whitelist, regions.blacklist):
        yield _at((*place, "blacklist"), "must not name a region of the whitelist", both)


def _in_both(one: Sequence[str], other: Sequence[str]) -> str | None:
    return next((value for value in other if value in one), None)


def _tolerance_problems(job: m.Job) -> Iterator[Problem]:
    if (given := job.tolerance) is None:
        return
    place = ("tolerance",)
    if given.max_failed_chunks is not None and given.max_failed_chunks < 0:
        yield _at((*place, "maxFailedChunks"), "must be at least 0", given.max_failed_chunks)
    percent = given.max_failed_percent
    if percent is not None and not 0 <= percent <= _ALL:
        yield _at((*place, "maxFailedPercent"), "must be from 0 to 100", percent)
    if job.on_chunk_failure in ("fail_fast", "finish_then_fail"):
        rule = f"contradicts onChunkFailure {job.on_chunk_failure}: only tolerate has a tolerance"
        yield _at(place, rule)
