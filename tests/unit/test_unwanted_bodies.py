"""Requests that have no fields refuse some, so that nobody believes they were read."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from services.coordinator.api.middlewares.errors_as_json import errors_as_json
from services.coordinator.api.middlewares.unwanted_bodies import without_body
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import BODY_SECONDS
from services.coordinator.api.route import BROKEN_RULE, DONE, RouteGroup
from shared.jobspec.tork.models import JobSpec

_GROUP = RouteGroup(group="schedules", tag="x")


@_GROUP.route("PUT /pause", "Pause", DONE)
async def pause(_: web.Request) -> web.Response:
    return reply(Status())


@_GROUP.route("POST /jobs", "Submit", DONE, body=JobSpec)
async def submit(request: web.Request) -> web.Response:
    return web.json_response({"size": len(await request.read())})


async def answer(method: str, path: str, body: bytes | None) -> tuple[int, object]:
    app = web.Application(middlewares=[errors_as_json, without_body([pause, submit])])
    app[BODY_SECONDS] = 60.0
    app.add_routes([web.route(r.method, r.path, r.handler) for r in (pause, submit)])
    async with TestClient(TestServer(app)) as client:
        response = await client.request(method, path, data=body)
        return response.status, await response.json()


@pytest.mark.parametrize("body", [None, b"", b"{}", b" {}\n", b"null"])
async def test_a_body_that_says_nothing_is_accepted(body: bytes | None) -> None:
    assert await answer("PUT", "/pause", body) == (200, {"status": "OK"})


@pytest.mark.parametrize("body", [b'{"note": "x"}', b"[]", b"hello", b'""', b"\xff" * 9000])
async def test_fields_of_a_request_that_has_none_are_refused(body: bytes) -> None:
    message = "body: must be empty: this request has no fields"
    assert await answer("PUT", "/pause", body) == (400, {"message": message})


async def test_a_request_with_fields_is_left_alone() -> None:
    assert await answer("POST", "/jobs", b'{"a": 1}') == (200, {"size": 8})


def test_the_document_names_the_answer() -> None:
    assert pause.responses[400] == BROKEN_RULE
