"""The API against its own description: nothing it answers is missing there."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import (
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from services.coordinator.api.openapi import openapi_document
from services.coordinator.api.routes import ROUTES
from tests.support.http.api import api_on
from tests.support.http.bounded_openapi import bounded
from tests.support.servers.postgres import Databases, LoopThread

pytestmark = pytest.mark.real

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def api_url(postgres_databases: Databases) -> Iterator[str]:
    """The door on a free port, with a job and a task to find; submitted jobs are final at once."""
    with postgres_databases.fresh() as dsn, LoopThread() as thread:
        running = api_on(dsn)
        api = thread.run(running.__aenter__())
        api.batcher.finish_with = "done"
        try:
            yield str(api.client.make_url(""))
        finally:
            thread.run(running.__aexit__(None, None, None))


# An answer of events has no end.
ENDLESS = ("/events", "/v1/computing/events", "/v1/customer/events")
OPERATIONS = [
    pytest.param(route.method.lower(), route.path, id=f"{route.method.upper()} {route.path}")
    for route in ROUTES
    if route.path not in ENDLESS
]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document(ROUTES)


@pytest.fixture(scope="module")
def described(document: dict[str, Any]) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_dict(bounded(deepcopy(document)))


# By name, not by `described.parametrize()`: its tests all have the same name, of which a run that
# is spread over processes knows one.
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_answer_is_a_server_error_or_undocumented(
    method: str, path: str, described: schemathesis.BaseSchema, api_url: str
) -> None:
    @given(case=described[path][method].as_strategy())
    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        phases=[
            Phase.generate
        ],  # without the examples for each rule: of a task in tasks they never end
        suppress_health_check=list(HealthCheck),
    )
    def conforms(case: "schemathesis.Case[Any]") -> None:
        response = case.call(base_url=api_url)
        case.validate_response(response, checks=CHECKS)
        if case.media_type == "application/json" or case.media_type is None:
            # In YAML a number without quotes is accepted where text is due.
            case.validate_response(response, checks=[negative_data_rejection])

    conforms()


def test_the_document_refers_to_nothing_it_lacks(document: dict[str, Any]) -> None:
    known = document["components"]["schemas"]
    wanted = set(_references(document))
    assert wanted <= {f"#/components/schemas/{name}" for name in known}
    assert document["openapi"].startswith("3.1")


def test_an_answer_never_promises_null(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("Job", "JobSummary", "Task", "LogPart", "Node", "Queue"):
        assert '"null"' not in json.dumps(schemas[name])


def test_every_route_has_its_own_operation_id() -> None:
    names = [route.handler.__name__ for route in ROUTES]
    assert len(names) == len(set(names))


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
