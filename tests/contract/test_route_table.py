"""Every route says what it needs, and the application serves no other."""

from typing import Any

from pydantic import TypeAdapter

from services.coordinator.api.openapi import openapi_document
from services.coordinator.api.route import Route
from services.coordinator.api.routes import ROUTES
from services.coordinator.settings import EndpointSettings
from tests.support.http.route_scopes import SCOPES


def _name(route: Route) -> tuple[str, str]:
    return route.method, route.path


def test_every_route_needs_the_scope_that_is_written_down_for_it() -> None:
    assert {_name(route): route.scope for route in ROUTES} == SCOPES


AGENT = ("/api/v1/agent/alive", "/api/v1/agent/version", "/api/v1/agent/authconfig")
LEADING_THERE = ("/version", "/livez", "/api/v1/livez")


def test_beside_health_only_links_signs_of_life_and_the_sign_in_need_no_credentials() -> None:
    without = {_name(route) for route in ROUTES if route.scope is None}
    links = {_name(route) for route in ROUTES if route.group == "objects"}
    agent = {("GET", path) for path in (*AGENT, *LEADING_THERE)}
    tokens = {("GET", "/api/v1/auth"), ("POST", "/api/v1/auth/ClientKey")}
    results = {
        ("GET", "/api/v1/orchestrator/results/{id}/{file}"),
        ("GET", "/v1/computing/results/{id}/{path}"),
    }
    sign_in = {(method, "/session") for method in ("GET", "POST", "DELETE")}
    bytenite = {("POST", f"/v1/auth/{act}") for act in ("access_token", "signout")}
    bytenite |= {("PUT", "/v1/uploads/{path}")}
    arvados = {("GET", "/discovery/v1/apis/arvados/v1/rest")}
    known = {("GET", "/health")} | arvados | links | agent | tokens | results | sign_in
    assert without == known | bytenite


def test_every_group_of_routes_can_be_turned_off() -> None:
    assert {route.group for route in ROUTES} | {"docs", "page"} == set(
        EndpointSettings.model_fields
    )


def test_no_two_routes_share_a_handler() -> None:
    """The gate knows a route by its handler."""
    assert len({route.handler for route in ROUTES}) == len(ROUTES)


def test_the_description_says_what_each_route_needs() -> None:
    document = openapi_document(ROUTES)
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        if route.scope is None:
            assert operation["security"] == []
        else:
            schemes = {name for entry in operation["security"] for name in entry}
            assert schemes == set(document["components"]["securitySchemes"])
            assert all([route.scope] == scopes for entry in operation["security"]
                       for scopes in entry.values())  # fmt: skip
            assert {"401", "403", "429"} <= set(operation["responses"])


def test_every_body_is_described_by_an_example_that_is_taken() -> None:
    document = openapi_document(ROUTES)
    for route in ROUTES:
        if route.body is not None:
            operation = document["paths"][route.path][route.method.lower()]
            example = operation["requestBody"]["content"]["application/json"]["example"]
            model: Any = route.body  # any type that pydantic takes
            TypeAdapter(model).validate_python(example)


BEGIN_JOBS = {
    ("POST", "/jobs"),
    ("POST", "/jobs/{id}/run-again"),
    ("PUT", "/jobs/{id}/release"),
    ("PUT", "/jobs/{id}/restart"),
    ("POST", "/templates/{name}/run"),
    ("PUT", "/api/v1/orchestrator/jobs"),
    ("POST", "/api/v1/orchestrator/jobs"),
}


def test_the_description_tells_of_a_balance_that_does_not_suffice_wherever_jobs_begin() -> None:
    assert {_name(route) for route in ROUTES if 402 in route.responses} >= BEGIN_JOBS
