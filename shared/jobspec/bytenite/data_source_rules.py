"""The rules of data sources, by what their descriptors take."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.jobspec import file_rules
from shared.jobspec.bytenite.data_sources import (
    DESCRIPTORS,
    PARAMS,
    Direction,
    FileParams,
    InlineParams,
    JobParams,
    Params,
    S3Params,
    UrlParams,
    VolumeParams,
    is_wrong_direction,
    params_of,
)
from shared.jobspec.bytenite.models import DataSource
from shared.jobspec.problems import Place, Problem
from shared.jobspec.tork.explanations import field_path
from shared.jobspec.urls import check_url

_TYPE = re.compile(r"(?:[A-Za-z0-9.-]+/)*bytenite\.data_source\.([A-Za-z0-9]+)")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ID_RULE = "must have 1 to 64 letters, digits, - and _"


def data_source_problems(given: DataSource | None, direction: Direction) -> Iterator[Problem]:
    """What is wrong with it already in a draft: a file may yet have to be sent."""
    if given is None:
        return
    descriptor = given.data_source_descriptor
    if descriptor not in DESCRIPTORS:
        rule = f"must be one of {', '.join(DESCRIPTORS)}"
        yield _at((direction, "dataSourceDescriptor"), rule, descriptor)
        return
    if is_wrong_direction(given, direction):
        only = "an input" if direction == "dataDestination" else "an output"
        yield _at((direction, "dataSourceDescriptor"), f"is only {only}", descriptor)
        return
    params, problems = params_of(given, direction)
    yield from problems
    yield from _type_problems(given, direction)
    if params is not None:
        yield from _RULES.get(type(params), _no_rules)(params, direction)


def _type_problems(given: DataSource, direction: Direction) -> Iterator[Problem]:
    named = given.params.get("@type")
    _, names = PARAMS[given.data_source_descriptor]
    if named is None or not names:
        return
    match = _TYPE.fullmatch(named) if isinstance(named, str) else None
    if match is None or match[1] not in names:
        rule = f"must end with bytenite.data_source.{names[0]}"
        yield _at((direction, "params", "@type"), rule, named)


def _s3_rules(params: Any, direction: Direction) -> Iterator[Problem]:  # noqa: ANN401 - see _RULES
    place = (direction, "params")
    yield from _breach(file_rules.check_bucket, params.bucket_name, (*place, "bucketName"))
    if params.cloud_region:
        yield from _breach(file_rules.check_region, params.cloud_region, (*place, "cloudRegion"))
    if params.endpoint:
        yield from _breach(check_url, params.endpoint, (*place, "endpoint"))
    yield from _secret_rules(params, place)
    if bool(params.access_key) != bool(params.secret_key):
        missing = "secretKey" if params.access_key else "accessKey"
        yield _at((*place, missing), "is required: accessKey and secretKey are one login")
    if direction == "dataSource" and not params.name:
        yield _at((*place, "name"), "is required: the path of the file in the bucket")
    elif params.name.strip("/"):
        check = file_rules.check_key if direction == "dataSource" else _check_folder
        yield from _breach(check, params.name.lstrip("/"), (*place, "name"))


def _check_folder(name: str) -> None:
    """Raises ValueError."""
    file_rules.check_published_key(name.strip("/") + "/")


def _check_name(name: str) -> None:
    """Raises ValueError."""
    file_rules.check_target(name)
    if name.startswith("/"):
        raise ValueError("must not start with '/'")


def _url_rules(params: Any, direction: Direction) -> Iterator[Problem]:  # noqa: ANN401 - see _RULES
    place = (direction, "params")
    yield from _breach(file_rules.check_source_url, params.url, (*place, "url"))
    if params.name:
        yield from _breach(_check_name, params.name, (*place, "name"))
    yield from _secret_rules(params, place)


def _secret_rules(params: S3Params | UrlParams, place: Place) -> Iterator[Problem]:
    if params.secret_id and not _ID.fullmatch(params.secret_id):
        yield _at((*place, "secretId"), _ID_RULE, params.secret_id)


def _named_rules(params: Any, direction: Direction) -> Iterator[Problem]:  # noqa: ANN401 - see _RULES
    if params.name:
        yield from _breach(_check_name, params.name, (direction, "params", "name"))


def _inline_rules(params: Any, direction: Direction) -> Iterator[Problem]:  # noqa: ANN401 - see _RULES
    yield from _breach(file_rules.check_inline, params.text, (direction, "params", "text"))
    yield from _named_rules(params, direction)


def _job_rules(params: Any, direction: Direction) -> Iterator[Problem]:  # noqa: ANN401 - see _RULES
    place = (direction, "params")
    if not _ID.fullmatch(params.job_id):
        yield _at((*place, "jobId"), "must be the id of a job", params.job_id)
    if params.path:
        yield from _breach(_check_name, params.path, (*place, "path"))


def _volume_rules(params: Any, direction: Direction) -> Iterator[Problem]:  # noqa: ANN401 - see _RULES
    is_output = direction == "dataDestination"
    check = file_rules.check_published_local if is_output else file_rules.check_local
    yield from _breach(check, params.path, (direction, "params", "path"))


def _no_rules(_: Any, __: Direction) -> Iterator[Problem]:  # noqa: ANN401 - see _RULES
    return iter(())


_RULES: Mapping[type[Params], Callable[[Any, Direction], Iterator[Problem]]] = {
    S3Params: _s3_rules,
    UrlParams: _url_rules,
    FileParams: _named_rules,
    InlineParams: _inline_rules,
    JobParams: _job_rules,
    VolumeParams: _volume_rules,
}
"""By model, so each has its own."""


def _breach(check: Callable[[str], object], value: str, place: Place) -> Iterator[Problem]:
    if not value:
        yield _at(place, "is required")
        return
    try:
        check(value)
    except ValueError as error:  # the client's mistake
        yield _at(place, str(error), value)


def _at(place: Place, rule: str, value: object = None) -> Problem:
    shown = None if value is None else repr(value)[:100]
    return Problem(field_path(place), rule, shown, place=place)
