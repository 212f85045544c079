"""One route: what the router, the document and a reader need to know of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import BaseModel

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: when it comes, and what is in it by content type (a model, or None for text)."""

    meaning: str
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    summary: str
    tag: str
    answers: Mapping[int, Answered]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    body_types: tuple[str, ...] = ()
    path_meanings: Mapping[str, str] = field(default_factory=dict)
