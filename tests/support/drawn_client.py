"""Draws what would be written twice in the client (`make sdk`): the models, from the API's own
description, and the blocking client, from the one for asyncio."""

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from keyword import iskeyword
from pathlib import Path
from typing import Any

from unasync import Rule, unasync_files

from services.coordinator.api.openapi import openapi_document
from services.coordinator.api.routes import ROUTES

Schema = Mapping[str, Any]

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sdk/src/conveyor"
RUFF = Path(sys.executable).with_name("ruff")

_HEAD = '''\
"""What the API takes (`…Spec`, `…Request`) and answers. Drawn by `make sdk`: edit nothing here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from conveyor.model import Answer, Body


'''
_WIDTH = 100
_CLIENT = ("Client", "Transport", "Resource", "Tasks", "Schedules", "Webhooks", "Queues", "Nodes",
           "DeadLetters", "Users", "Roles", "Keys", "Stream", "Files",
           "Uploads", "Content")  # fmt: skip
_BLOCKING = {
    **{f"Async{name}": name for name in _CLIENT},
    "AsyncBaseTransport": "BaseTransport",
    "_async": "_sync",
    "asyncio": "time",
    "aclose": "close",
    "aread": "read",
    "aiter_bytes": "iter_bytes",
    "asynccontextmanager": "contextmanager",
    "aclosing": "closing",
    "anext": "next",
    "in_thread": "directly",
    "AbstractAsyncContextManager": "AbstractContextManager",
}
"""What the asynchronous has in other words, beside `async` and `await` themselves."""
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_ANYTHING = "JsonValue"
_RENAMED = {"Warning": "JobWarning"}  # Python has one
_ONE = {"InnerTask": "TaskEntry", "SubjobTask": "TaskEntry"}
"""What has no more fields than another is drawn as that one: a task is built alike everywhere."""
_TAKEN = frozenset(("list", "dict", "str"))
"""Names that annotations of the same class need."""


def models() -> str:
    """The text of models.py."""
    routes = [route for route in ROUTES if route.group not in ("bacalhau", "bytenite", "arvados")]
    schemas: dict[str, Schema] = openapi_document(routes)["components"]["schemas"]
    wanted = {name: schema for name, schema in schemas.items() if name not in {_ANYTHING, *_ONE}}
    return _HEAD + "\n\n".join(_model(_name(name), schema) for name, schema in wanted.items())


def _name(schema: str) -> str:
    return {**_RENAMED, **_ONE}.get(schema, schema)


def _model(name: str, schema: Schema) -> str:
    if "properties" not in schema:
        return f"{name} = {_type(schema)}\n"
    is_body = schema.get("additionalProperties") is False
    lines = [f"class {name}({'Body' if is_body else 'Answer'}):"]
    if text := schema.get("description"):
        lines += [*_docstring(text), ""]
    required = schema.get("required", ())
    for field, its in sorted(
        schema["properties"].items(), key=lambda item: item[0] not in required
    ):
        lines += _field(field, its, is_required=field in required, is_body=is_body)
    return "\n".join(lines) + "\n"


def _field(name: str, schema: Schema, *, is_required: bool, is_body: bool) -> Iterator[str]:
    type_ = _type(schema)
    if not is_body and type_.startswith("Literal["):
        type_ += " | str"  # a newer server may know more
    if not is_required and "None" not in type_.split(" | "):
        type_ += " | None"
    yield f"    {_attribute(name)}: {type_}" + ("" if is_required else " = None")
    if text := schema.get("description"):
        yield from _docstring(text)


def _attribute(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return f"{snake}_" if iskeyword(snake) or snake in _TAKEN else snake


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return "Any" if name == _ANYTHING else _name(name)
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(dict.fromkeys(map(_type, options)))
    if values := schema.get("enum") or ([schema["const"]] if "const" in schema else None):
        return f"Literal[{', '.join(map(_literal, values))}]"
    return _structure(schema)


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _structure(schema: Schema) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"list[{_type(schema.get('items', {}))}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {_type(values) if isinstance(values, Mapping) else 'Any'}]"
    if schema.get("format") == "date-time":
        return "datetime"
    return _PLAIN.get(str(kind), "Any")


def _docstring(text: str) -> list[str]:
    lines = textwrap.wrap(" ".join(text.split()), _WIDTH - 10)
    lines[0] = f'"""{lines[0]}'
    lines[-1] += '"""'
    return [f"    {line}" for line in lines]


def draw(package: Path) -> None:
    """Write models.py and _sync/ below `package`, which has _async/."""
    (package / "models.py").write_text(models())
    sources = [str(path) for path in (package / "_async").glob("*.py")]
    unasync_files(sources, [Rule(str(package / "_async"), str(package / "_sync"), _BLOCKING)])
    drawn = [str(package / "models.py"), str(package / "_sync")]
    rules = ["--config", str(ROOT / "pyproject.toml"), "-q"]
    for tidying in (["check", "--fix-only"], ["format"]):
        subprocess.run([RUFF, *tidying, *rules, *drawn], check=True, cwd=ROOT)


if __name__ == "__main__":
    draw(PACKAGE)
