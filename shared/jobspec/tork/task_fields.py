"""The kinds of values that only tasks hold: causes to retry for, shares, lists, mounts, probes."""

import posixpath
import re
import signal
from collections.abc import Callable
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    PlainValidator,
    WithJsonSchema,
)

from shared.expressions import has_expression
from shared.jobspec.expression_texts import check_expression, check_template
from shared.jobspec.limits import MAX_EXECUTIONS, MAX_GPUS, MAX_KEY, MAX_OBJECT_KEY
from shared.jobspec.plain_scalar import as_json, as_number

MAX_CONCURRENCY = 99_999
MAX_SPAWNED = 100_000
MAX_EXIT_CODE = 255
ANY_EXIT_CODE = "any"
NAMED_CAUSES = ("timeout", "memory", "lost")

_PERCENT = re.compile(r"(?:[1-9][0-9]?|100)%")
_MOUNT_PATH = re.compile(r"[-/.0-9A-Za-z_= ]+")
_MOUNT_TYPE = "[a-z][a-z0-9_-]*"
_OWN_DIRECTORY = "/tork"


def _retry_cause(value: object) -> int | str:
    cause = as_number(value)
    if cause in NAMED_CAUSES:
        return str(cause)
    if isinstance(cause, int) and not isinstance(cause, bool) and 1 <= cause <= MAX_EXIT_CODE:
        return cause
    raise ValueError(
        f"must be an exit code from 1 to {MAX_EXIT_CODE}, 'timeout', 'memory' or 'lost'"
    )


def _min_success(value: object) -> int | str:
    count = as_number(value)
    if isinstance(count, int) and not isinstance(count, bool) and count >= 1:
        return count
    if isinstance(count, str) and _PERCENT.fullmatch(count):
        return str(count)
    raise ValueError("must be a whole number of at least 1, or a share from '1%' to '100%'")


def _max_failed(value: object) -> int | str:
    count = as_number(value)
    if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
        return count
    if isinstance(count, str) and _PERCENT.fullmatch(count):
        return str(count)
    raise ValueError("must be a whole number of at least 0, or a share from '1%' to '100%'")


def _success_codes(value: object) -> list[int] | str:
    if value == ANY_EXIT_CODE:
        return ANY_EXIT_CODE
    codes = [as_number(code) for code in value] if isinstance(value, list) else []
    whole = [code for code in codes if isinstance(code, int) and not isinstance(code, bool)]
    if not codes or len(whole) < len(codes) or not 0 <= min(whole) <= max(whole) <= MAX_EXIT_CODE:
        raise ValueError(f"must be 'any', or a list of exit codes from 0 to {MAX_EXIT_CODE}")
    if len(set(whole)) < len(whole):
        raise ValueError("must have each exit code once")
    return whole


def _count_to(most: int) -> Callable[[object], int | str]:
    """A whole number from 0, or an expression that gives one."""

    def check(value: object) -> int | str:
        count = as_number(value)
        if isinstance(count, str) and has_expression(count):
            return check_template(str(count))
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= most:
            return count
        raise ValueError(f"must be a whole number from 0 to {most:,}, or an expression")

    return check


def _count(most: int) -> WithJsonSchema:
    numbers = {"type": "integer", "minimum": 0, "maximum": most}
    return WithJsonSchema({"anyOf": [numbers, {"type": "string", "pattern": r"\{\{"}]})


def _each_list(value: object) -> JsonValue:
    if isinstance(value, str):
        return check_expression(str(value))
    if isinstance(value, list):
        return as_json(value)  # type: ignore[return-value]  # what the loaders made is JSON
    raise ValueError("must be an expression or a list")


def _probe_path(text: str) -> str:
    if not re.fullmatch(r"/[!-~]*", text):
        raise ValueError("must be a path that starts with '/', without spaces")
    return text


def _mount_type(text: str) -> str:
    if not re.fullmatch(_MOUNT_TYPE, text):
        raise ValueError("must be a name of small letters, digits, '_' and '-', a letter first")
    return text


def _stop_signal(text: str) -> str:
    if text not in signal.Signals.__members__:
        raise ValueError("must be the name of a signal, such as SIGINT")
    return text


def mount_path_error(path: str) -> str | None:
    """Why `path` can't stand in a mount of any type, or None."""
    if not _MOUNT_PATH.fullmatch(path):
        return "must hold only letters, digits, spaces and the characters - / . _ ="
    return None


def absolute_path_error(path: str) -> str | None:
    """Why `path` can't name a place to mount, or one to mount from, or None."""
    if not path.startswith("/"):
        return "must be an absolute path"
    return "must not hold '..'" if ".." in path.split("/") else None


def mount_target_error(path: str) -> str | None:
    """Why nothing can be mounted at the absolute `path`, or None."""
    place = posixpath.normpath("/" + path.lstrip("/"))
    if place == "/":
        return "must not be the root directory"
    if place == _OWN_DIRECTORY or place.startswith(_OWN_DIRECTORY + "/"):
        return f"must not be {_OWN_DIRECTORY} or below it, where a task's own files are"
    return None


RetryCause = Annotated[
    int | str,
    PlainValidator(_retry_cause),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_EXIT_CODE},
                {"enum": list(NAMED_CAUSES)},
            ]
        }
    ),
]
"""An exit code, or what else may end an attempt."""
MinSuccess = Annotated[
    int | str,
    PlainValidator(_min_success),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": r"^(?:(?:[1-9][0-9]?|100)%)?$", "examples": ["80%"]},
            ]
        }
    ),
]
"""A number of children, or a share of them as text: `80%`."""
MaxFailed = Annotated[
    int | str,
    PlainValidator(_max_failed),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^(?:(?:[1-9][0-9]?|100)%)?$", "examples": ["5%"]},
            ]
        }
    ),
]
EachList = Annotated[
    JsonValue,
    PlainValidator(_each_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]}),
]
"""An expression that gives a list, or the list itself."""
SuccessCodes = Annotated[
    list[int] | str,
    PlainValidator(_success_codes),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": ANY_EXIT_CODE},
                {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 0, "maximum": MAX_EXIT_CODE},
                    "minItems": 1,
                },
            ]
        }
    ),
]
CountOfExecutions = Annotated[
    int | str, PlainValidator(_count_to(MAX_EXECUTIONS)), _count(MAX_EXECUTIONS)
]
CountOfGpus = Annotated[int | str, PlainValidator(_count_to(MAX_GPUS)), _count(MAX_GPUS)]
CountOfNodes = Annotated[int, Field(ge=1, le=MAX_EXECUTIONS), BeforeValidator(as_number)]
MaxUnavailable = Annotated[int, Field(ge=1, le=MAX_EXECUTIONS), BeforeValidator(as_number)]
Weight = Annotated[int, Field(ge=1, le=100), BeforeValidator(as_number)]
Index = Annotated[int, Field(ge=0, le=MAX_OBJECT_KEY), BeforeValidator(as_number)]
StaticPort = Annotated[int, Field(ge=1024, le=65535), BeforeValidator(as_number)]
Concurrency = Annotated[int, Field(ge=0, le=MAX_CONCURRENCY), BeforeValidator(as_number)]
MaxTasks = Annotated[int, Field(ge=1, le=MAX_SPAWNED), BeforeValidator(as_number)]

Port = Annotated[int, Field(ge=1, le=65535), BeforeValidator(as_number)]
ProbePath = Annotated[
    str,
    Field(max_length=MAX_KEY),
    AfterValidator(_probe_path),
    WithJsonSchema({"type": "string", "maxLength": MAX_KEY, "pattern": r"^/[!-~]*$"}),
]
StopSignal = Annotated[
    str, AfterValidator(_stop_signal), Field(pattern="^SIG[A-Z0-9]+$", examples=["SIGINT"])
]
MountType = Annotated[
    str,
    Field(max_length=64),
    AfterValidator(_mount_type),
    WithJsonSchema({"type": "string", "maxLength": 64, "pattern": f"^{_MOUNT_TYPE}$"}),
]
