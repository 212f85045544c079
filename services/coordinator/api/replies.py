"""Answers as HTTP responses."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from services.coordinator.api.schemas import Answer, Error


def reply(answer: Answer, status: int = 200) -> web.Response:
    return web.Response(body=answer.body(), status=status, content_type="application/json")


def reply_list(answers: Sequence[Answer]) -> web.Response:
    body = b"[" + b",".join(answer.body() for answer in answers) + b"]"
    return web.Response(body=body, content_type="application/json")


def reply_error(
    status: int, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=Error(message=message).body(),
        status=status,
        content_type="application/json",
        headers=headers,
    )
