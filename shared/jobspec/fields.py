"""The kinds of values a submission holds, each with its rule and its place in the API's schema."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    WithJsonSchema,
    WrapValidator,
)

from shared.definition.quantities import (
    CPUS_PATTERN,
    DURATION_PATTERN,
    MEMORY_PATTERN,
    RATE_PATTERN,
    parse_cpus,
    parse_duration,
    parse_memory,
    parse_rate,
)
from shared.expressions import has_expression
from shared.jobspec.cron.moments import MOMENT_PATTERN, parse_moment
from shared.jobspec.entries import in_portions, unless_enough
from shared.jobspec.expression_texts import (
    check_expression,
    check_hidden_template,
    check_template,
)
from shared.jobspec.headers import check_header_name, check_header_names, check_header_value
from shared.jobspec.limits import (
    MAX_DESCRIPTION,
    MAX_FILTER,
    MAX_KEY,
    MAX_NAME,
    MAX_SECRETS,
    MAX_TAG,
    MAX_TAGS,
    MAX_TASKS,
    MAX_VAR,
    MAX_WEBHOOKS,
    MAX_WORKDIR,
    OWN_SECRETS,
)
from shared.jobspec.plain_scalar import as_boolean, as_inputs, as_json, as_number
from shared.jobspec.urls import check_url
from shared.messages.queues import task_queue_error
from shared.process.signing import read_secret

_T = TypeVar("_T")
_V = TypeVar("_V")
_LEAST_CPUS = 0.01
_SECOND = timedelta(seconds=1)
_LONGEST_GRACE_SECONDS = 3600
_LEAST_MEMORY = 6 * 1024**2


def _checked_by(parse: Callable[[str], object]) -> AfterValidator:
    """Keep the text as it was submitted, once `parse` can read it; empty means not set."""

    def check(text: str) -> str:
        if text:
            parse(text)
        return text

    return AfterValidator(check)


def _positive_duration(text: str) -> None:
    if parse_duration(text).total_seconds() <= 0:
        raise ValueError("must be longer than zero")


def _grace_period(text: str) -> None:
    _duration(text)
    if parse_duration(text).total_seconds() > _LONGEST_GRACE_SECONDS:
        raise ValueError("must be at most 1h")


def _duration(text: str) -> None:
    if parse_duration(text).total_seconds() < 0:
        raise ValueError("must not be negative")


def _interval(text: str) -> None:
    if (length := parse_duration(text)) < _SECOND:
        raise ValueError("must be at least 1s")
    if length % _SECOND:
        raise ValueError("must be whole seconds")


def check_cpus(text: str) -> None:
    if parse_cpus(text) < _LEAST_CPUS:
        raise ValueError(f"must be at least {_LEAST_CPUS}")


AMOUNT_PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,6})?$"


def check_amount(text: str) -> None:
    if not re.fullmatch(AMOUNT_PATTERN, text, re.ASCII) or not Decimal(text):
        raise ValueError(
            "must be an amount above 0 such as 12.50, with at most 12 digits before the point and "
            "6 after it"
        )


def check_memory(text: str) -> None:
    if parse_memory(text) < _LEAST_MEMORY:
        raise ValueError("must be at least 6m")


def _queue(text: str) -> None:
    if has_expression(text):
        check_template(text)
    elif reason := task_queue_error(text):
        raise ValueError(f"must be the name of a task queue: {reason}")


def _url_template(text: str) -> None:
    if has_expression(text):
        check_template(text)
        if not text.lower().startswith(("http://", "https://", "{{")):
            raise ValueError("must be an http or https URL")
    else:
        check_url(text)


def _header_template(text: str) -> str:
    """The blanks and line ends around a value are left out when it is sent."""
    if not has_expression(text):
        check_header_value(text.strip())
    return text


def _signing_secret(text: str) -> str:
    """Messages quote it nowhere."""
    if has_expression(text):
        return check_hidden_template(text)
    read_secret(text)
    return text


def _file_name(text: str) -> str:
    if text.startswith("/") or "\\" in text or {"..", ".", ""} & set(text.split("/")):
        raise ValueError("must be a path below the working directory")
    return text


def _env_name(text: str) -> str:
    if "=" in text:
        raise ValueError("must not hold '='")
    return text


def _secret_name(text: str) -> str:
    if text.startswith(OWN_SECRETS):
        raise ValueError(f"must not start with '{OWN_SECRETS}'")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _input_template(value: JsonValue) -> JsonValue:
    return check_template(value) if isinstance(value, str) else value


def _json_template(value: JsonValue) -> JsonValue:
    match value:
        case dict():
            list(map(_json_template, value.values()))
        case list():
            list(map(_json_template, value))
        case str():
            check_template(value)
    return value


def _null_is_empty(text: str | None) -> str:
    return text or ""


Mapped = Annotated[dict[_T, _V], WrapValidator(in_portions)]
"""A mapping of any size."""
Listed = Annotated[list[_T], Field(fail_fast=True)]
"""A list of any number of single values, of which the first that breaks a rule is told."""
Entry = Annotated[_T, WrapValidator(unless_enough)]
"""An entry of a list of models."""
Webhooks = Annotated[list[Entry[_T]], Field(max_length=MAX_WEBHOOKS)]
Tasks = Annotated[list[Entry[_T]], Field(min_length=1, max_length=MAX_TASKS)]

Description = Annotated[str, Field(max_length=MAX_DESCRIPTION)]
Template = Annotated[str, AfterValidator(check_template)]
"""Text that may hold expressions; they must compile."""
Image = Annotated[Template, AfterValidator(_not_blank)]
DescriptionTemplate = Annotated[Description, AfterValidator(check_template)]
Expression = Annotated[str, AfterValidator(check_expression)]
"""One expression; its braces may be left out."""
EndpointFilter = Annotated[str, Field(max_length=MAX_FILTER), AfterValidator(check_expression)]
"""As `Expression`, but short: it is evaluated for every change."""
JobName = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_not_blank)]
TaskName = Annotated[JobName, AfterValidator(check_template)]
OptionalName = Annotated[
    str, Field(max_length=MAX_NAME), AfterValidator(_not_blank), AfterValidator(check_template)
]
"""As `TaskName`, where an empty one says that there is none."""
ShortText = Annotated[str, Field(max_length=MAX_KEY)]
Tag = Annotated[str, Field(min_length=1, max_length=MAX_TAG), AfterValidator(_not_blank)]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS)]
Variable = Annotated[str, Field(max_length=MAX_VAR), AfterValidator(check_template)]
Workdir = Annotated[str, Field(max_length=MAX_WORKDIR)]
QueueName = Annotated[
    str, _checked_by(_queue), Field(description="A task queue; may hold expressions.")
]

_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
_URL_PATTERN = rf"^https?://[a-zA-Z0-9._-]+(:({_PORT}))?([/?]\S*)?$"
"""What describes the common ones; `check_url` takes more, such as IPv6 addresses."""
_DURATION_SCHEMA = {"type": "string", "pattern": DURATION_PATTERN, "examples": ["90s", "1h30m"]}
Duration = Annotated[str, _checked_by(_duration), WithJsonSchema(_DURATION_SCHEMA)]
"""A Go duration, zero allowed, kept as text: read it with `parse_duration`."""
GracePeriod = Annotated[str, _checked_by(_grace_period), WithJsonSchema(_DURATION_SCHEMA)]
PositiveDuration = Annotated[str, _checked_by(_positive_duration), WithJsonSchema(_DURATION_SCHEMA)]
Interval = Annotated[str, _checked_by(_interval), WithJsonSchema(_DURATION_SCHEMA)]
Moment = Annotated[
    str,
    _checked_by(parse_moment),
    WithJsonSchema(
        {"type": "string", "pattern": MOMENT_PATTERN, "examples": ["2026-06-01T12:00:00Z"]}
    ),
]
"""A time with its offset, kept as text: read it with `parse_moment`."""
Memory = Annotated[
    str,
    _checked_by(check_memory),
    WithJsonSchema({"type": "string", "pattern": MEMORY_PATTERN, "examples": ["500m", "1.5g"]}),
]
"""Kept as text: read it with `parse_memory`."""
Cpus = Annotated[
    str,
    _checked_by(check_cpus),
    WithJsonSchema({"type": "string", "pattern": CPUS_PATTERN, "examples": ["0.5", "2"]}),
]
"""Kept as text: read it with `parse_cpus`."""
Amount = Annotated[
    str,
    _checked_by(check_amount),
    WithJsonSchema({"type": "string", "pattern": AMOUNT_PATTERN, "examples": ["12.50"]}),
]
"""Of the unit of prices. Kept as text: `Decimal` reads it."""
Rate = Annotated[
    str,
    _checked_by(parse_rate),
    WithJsonSchema({"type": "string", "pattern": RATE_PATTERN, "examples": ["10/s", "100/m"]}),
]
"""Kept as text: read it with `parse_rate`."""
Url = Annotated[
    str,
    _checked_by(check_url),
    WithJsonSchema(
        {"type": "string", "pattern": _URL_PATTERN, "examples": ["https://ci.example/x"]}
    ),
]

UrlTemplate = Annotated[str, _checked_by(_url_template), Field(examples=["https://ci.example/x"])]
"""As `Url`; may hold expressions."""
Flag = Annotated[bool, BeforeValidator(as_boolean)]

RetryLimit = Annotated[int, Field(ge=1, le=10), BeforeValidator(as_number)]
ScalingFactor = Annotated[float, Field(ge=1, le=100), BeforeValidator(as_number)]
MemoryFactor = Annotated[float, Field(ge=1, le=10), BeforeValidator(as_number)]
Jitter = Annotated[float, Field(ge=0, le=1), BeforeValidator(as_number)]
Priority = Annotated[int, Field(ge=0, le=9), BeforeValidator(as_number)]

Key = Annotated[str, Field(min_length=1, max_length=MAX_KEY)]
EnvName = Annotated[Key, AfterValidator(_env_name)]
SecretName = Annotated[Key, AfterValidator(_secret_name)]
FileName = Annotated[Key, AfterValidator(_file_name)]
SecretId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["team-aws"])]
SubmitId = Annotated[str, Field(pattern=r"^[!-~]{1,255}$", examples=["order-17"])]
Secrets = Annotated[Mapped[SecretName, _T], Field(max_length=MAX_SECRETS)]
Value = Annotated[str | None, AfterValidator(_null_is_empty)]
"""The value of a map of texts: null stands for the empty text."""
TemplateValue = Annotated[Template | None, AfterValidator(_null_is_empty)]
HiddenTemplate = Annotated[str, AfterValidator(check_hidden_template)]
"""Text that may hold expressions, and that no message may repeat a part of."""
SigningSecret = Annotated[str, AfterValidator(_signing_secret)]
HiddenTemplateValue = Annotated[HiddenTemplate | None, AfterValidator(_null_is_empty)]
HeaderName = Annotated[Key, AfterValidator(check_header_name)]
Headers = Annotated[Mapped[HeaderName, _T], AfterValidator(check_header_names)]
HeaderTemplate = Annotated[TemplateValue, AfterValidator(_header_template)]
Inputs = Annotated[Mapped[Key, JsonValue], BeforeValidator(as_inputs)]
InputTemplates = Annotated[
    Mapped[Key, Annotated[JsonValue, AfterValidator(_input_template)]], BeforeValidator(as_inputs)
]
"""Texts, lists and mappings; those that are a text may hold expressions."""
JsonTemplates = Annotated[
    Mapped[Key, Annotated[JsonValue, AfterValidator(_json_template)]], BeforeValidator(as_json)
]
"""Any JSON values; texts at any depth may hold expressions."""
