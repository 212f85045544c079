"""What a request of Arvados' API asks for: in its query, in a form, or in a JSON body."""

import re
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from services.coordinator.api.arvados.groups import FORM
from services.coordinator.api.errors import BadRequest, Unprocessable
from services.coordinator.api.requests import whole_body
from shared.jobspec.clean_text import refuse_unkeepable
from shared.jobspec.json_body import load_json
from shared.jobspec.problems import InvalidJob

Tree = dict[str, Any]

_NESTED = re.compile(r"(\w+)\[(\w+)\]")
_FLAGS: dict[object, bool] = {
    True: True, "true": True, "1": True, False: False, "false": False, "0": False, "": False
}  # fmt: skip
_CREATES = ("allow_duplicate", "find_or_create", "no_reuse", "ensure_unique_name", "filters",
            "minimum_script_version", "exclude_script_versions", "select", "_method",
            "alt", "api_token", "reader_tokens", "cluster_id")  # fmt: skip
"""Parameters of a create beside the attributes of the job."""


async def parameters(request: web.Request) -> Tree:
    """`where[a]=b` is `where: {a: b}`. Raises BadRequest, InvalidJob for what can't be read."""
    found: Tree = {}
    texts = list(request.query.items())
    body = await whole_body(request)
    try:
        if request.content_type == FORM:
            texts += parse_qsl(body.decode(), keep_blank_values=True)
        elif body.strip():
            found = _object(load_json(body.decode()))
    except UnicodeDecodeError:  # the client can mend it
        raise BadRequest("the body is not UTF-8 text") from None
    for name, text in texts:
        if nested := _NESTED.fullmatch(name):
            found.setdefault(nested[1], {})
            if isinstance(found[nested[1]], dict):
                found[nested[1]][nested[2]] = text
        else:
            found[name] = _value(text)
    refuse_unkeepable(found)
    return found


def _object(value: object) -> Tree:
    if not isinstance(value, dict):
        raise BadRequest("the body must be a JSON object")
    return value


def _value(text: str) -> object:
    if not text.startswith(("[", "{")):
        return text
    try:
        return load_json(text)
    except InvalidJob:  # then it is a text that begins so
        return text


def flag(given: Tree, name: str) -> bool | None:
    """None: it is not given. Raises Unprocessable."""
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, list | dict) or value not in _FLAGS:
        raise Unprocessable(f"{name}: must be true or false")
    return _FLAGS[value]


def attributes(given: Tree, within: str = "job") -> Tree:
    """Those within `within`, or else all but what says how it is created."""
    found = given.get(within)
    if found is None:
        return {name: value for name, value in given.items() if name not in _CREATES}
    if not isinstance(found, dict):
        raise Unprocessable(f"{within}: must be a JSON object")
    return found


def takes_alike(given: Tree, job: Tree) -> bool:
    """Whether a job like it will do, unless they say otherwise: clients of each time have words of
    their own. Raises Unprocessable where they say both."""
    said = {
        "allow_duplicate": _not(flag(given, "allow_duplicate")),
        "find_or_create": flag(given, "find_or_create"),
        "no_reuse": _not(flag({**given, **job}, "no_reuse")),
    }
    told = {name: reuses for name, reuses in said.items() if reuses is not None}
    if len(set(told.values())) > 1:
        raise Unprocessable(f"{' and '.join(told)} contradict each other")
    return next(iter(told.values()), True)


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value
