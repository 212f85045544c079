"""The HTTP door: plain lists of routes and middlewares put together."""

from collections.abc import Mapping, Sequence
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Middleware

from services.coordinator.api.access.authenticator import (
    AUTHENTICATOR,
    Authenticator,
    authenticated,
)
from services.coordinator.api.access.visibility import MOST_WEBHOOKS
from services.coordinator.api.arvados import submission as arvados
from services.coordinator.api.arvados.error_form import in_arvados_form
from services.coordinator.api.arvados.repositories import REPOSITORIES
from services.coordinator.api.bacalhau import submission as bacalhau
from services.coordinator.api.bacalhau.error_form import in_bacalhau_form
from services.coordinator.api.bacalhau.submission import JOB_DEFAULTS
from services.coordinator.api.background import BACKGROUND, Background
from services.coordinator.api.bytenite import jobs as bytenite
from services.coordinator.api.bytenite.error_form import in_bytenite_form
from services.coordinator.api.connections import add_safe_headers
from services.coordinator.api.documentation import documentation_routes, lead_to_documentation
from services.coordinator.api.events import MOST_STREAMS
from services.coordinator.api.files.transfers import MOST_UPLOAD_BYTES, TRANSFERS, AllTransfers
from services.coordinator.api.middlewares.browsers import (
    is_only_for_this_machine,
    own_names,
    own_pages,
    preflighted,
    shared_with,
)
from services.coordinator.api.middlewares.errors_as_json import errors_as_json
from services.coordinator.api.middlewares.rate_limit import TokenBuckets, failures_limited, limited
from services.coordinator.api.middlewares.request_log import identified, logged, show_id
from services.coordinator.api.middlewares.unread_bodies import (
    expected,
    expected_later,
    refuse_unread,
)
from services.coordinator.api.middlewares.unwanted_bodies import without_body
from services.coordinator.api.page import page_routes
from services.coordinator.api.requests import BODY_SECONDS, PORTS
from services.coordinator.api.route import Route
from services.coordinator.api.routes import ROUTES
from services.coordinator.api.tork.cluster import GAUGES, TotalGauges
from services.coordinator.api.tork.log_lines import SEARCHES, searches
from services.coordinator.api.tork.submission import ADMISSION, AdmissionLimiter
from services.coordinator.api.tork.updates import NEW_VERSIONS, NewVersion
from services.coordinator.api.tork.warnings import SERVED_QUEUES, ServedQueues
from services.coordinator.api.webhooks.routes import MOST_ENDPOINTS
from services.coordinator.api.webhooks.sent_bodies import SENT_EVENTS
from services.coordinator.ports import ApiPorts
from services.coordinator.settings import ApiSettings, HttpSettings
from services.coordinator.store.job_versions import Language
from shared.process.extensions import Group, load

_NEW_VERSIONS: Mapping[Language, NewVersion] = {
    "bacalhau": bacalhau.new_version_of,
    "bytenite": bytenite.new_version_of,
    "arvados": arvados.new_version_of,
}


def make_application(
    ports: ApiPorts, settings: HttpSettings | None = None, routes: Sequence[Route] = ROUTES
) -> web.Application:
    settings = settings or HttpSettings()
    authenticator = Authenticator(settings.auth, ports.pool)
    served = [route for route in routes if getattr(settings.endpoints, route.group)]
    app = web.Application(
        middlewares=_middlewares(authenticator, settings, served),
        client_max_size=settings.api.body_limit_bytes,
    )
    app[AUTHENTICATOR] = authenticator
    app[JOB_DEFAULTS] = dict(settings.bacalhau.defaults)
    app[REPOSITORIES] = settings.arvados.repositories
    app[NEW_VERSIONS] = _NEW_VERSIONS
    _provide(app, ports, settings.api)
    app.add_routes(
        [
            web.route(
                route.method,
                route.pattern,
                route.handler,
                expect_handler=expected_later if route.takes_bytes else expected,
            )
            for route in served
        ]
    )
    if settings.endpoints.docs:
        app.add_routes(documentation_routes(served, SENT_EVENTS))
    if settings.endpoints.page:
        app.add_routes(page_routes(has_docs=settings.endpoints.docs))
    elif settings.endpoints.docs:
        app.add_routes([lead_to_documentation()])
    app.on_response_prepare.extend([show_id, add_safe_headers])
    if settings.cors.is_on:
        app.on_response_prepare.append(shared_with(settings.cors))
    app.on_shutdown.append(_stop_waiting)
    return app


def _provide(app: web.Application, ports: ApiPorts, settings: ApiSettings) -> None:
    """What handlers find in the application."""
    app[PORTS] = ports
    app[BACKGROUND] = Background()
    app.on_cleanup.append(app[BACKGROUND].close)
    app[BODY_SECONDS] = settings.body_timeout_seconds
    app[MOST_STREAMS] = settings.streams
    app[MOST_WEBHOOKS] = settings.webhooks_per_job
    app[MOST_ENDPOINTS] = settings.webhook_endpoints
    app[GAUGES] = TotalGauges(ports.metrics)
    app[TRANSFERS] = AllTransfers(settings.transfers, ports.metrics)
    app[MOST_UPLOAD_BYTES] = settings.upload_limit_bytes
    app[ADMISSION] = AdmissionLimiter(
        settings.submissions_at_once, settings.submissions_waiting, ports.metrics
    )
    app[SEARCHES] = searches()
    app[SERVED_QUEUES] = ServedQueues(ports)


def _middlewares(
    authenticator: Authenticator, settings: HttpSettings, routes: Sequence[Route]
) -> list[Middleware]:
    """The first is around all others."""
    scopes = {route.handler: route.scope for route in routes}
    chain: list[Middleware] = [identified]
    if settings.api.request_log != "off":
        chain.append(logged(settings.api.request_log))
    if settings.cors.is_on:
        chain.append(preflighted(settings.cors))
    chain += [
        in_bacalhau_form,
        in_bytenite_form,
        in_arvados_form,
        errors_as_json,
        refuse_unread(routes),
    ]
    if is_only_for_this_machine(settings):
        chain.append(own_names)
    chain.append(own_pages(settings.cors))
    authentication = authenticated(authenticator, scopes)
    inner = [without_body(routes), *added_middlewares(settings.api.middleware_names)]
    if not settings.rate.per_second:
        return [*chain, authentication, *inner]
    failures, requests = (
        TokenBuckets(settings.rate.per_second, settings.rate.burst) for _ in range(2)
    )
    return [*chain, failures_limited(failures), authentication, limited(requests), *inner]


async def _stop_waiting(app: web.Application) -> None:
    await app[PORTS].final_jobs.close()
    await app[PORTS].live.close()


def added_middlewares(names: Sequence[str]) -> list[Middleware]:
    """Raises ExtensionRejected."""
    return [cast(Middleware, load(Group.API_MIDDLEWARES, name, _fault)) for name in names]


def _fault(loaded: object) -> str | None:
    # Without the mark aiohttp takes it for a factory of the old kind, and every request fails.
    if getattr(loaded, "__middleware_version__", None) != 1:
        return "is not marked with @aiohttp.web.middleware"
    return None
