"""/api/v1/agent: what a client asks about the service itself."""

import platform
import socket
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version

from aiohttp import web

from services.coordinator.api.access.authenticator import authentication
from services.coordinator.api.bacalhau.groups import AGENT, OPEN
from services.coordinator.api.bacalhau.schemas import (
    AgentAlive,
    AgentAuthConfig,
    AgentConfig,
    AgentDebug,
    AgentNode,
    AgentVersion,
    BacalhauNodeInfo,
    ConnectionState,
)
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import Response, Route, response
from shared.process.health import missing_of

_SPOKEN = ("1", "9", "v1.9.3")
"""The version of Bacalhau whose API this is: clients compare it with their own."""
_CONVEYOR = version("conveyor")
VERSION = AgentVersion(
    major=_SPOKEN[0],
    minor=_SPOKEN[1],
    git_version=f"{_SPOKEN[2]}+conveyor.{_CONVEYOR}",
    git_commit=f"conveyor-{_CONVEYOR}",
    build_date=datetime.fromtimestamp(0, UTC),
    goos=platform.system().lower(),
    goarch={"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
)
_STARTED_AT = datetime.now(UTC)


@OPEN.route("GET /api/v1/agent/alive", "Check that it is alive", response("It is.", AgentAlive))
async def get_agent_alive(_: web.Request) -> web.Response:
    return reply(AgentAlive())


@OPEN.route("GET /api/v1/agent/version", "Show the version", response("The version.", AgentVersion))
async def get_agent_version(_: web.Request) -> web.Response:
    return reply(VERSION)


@OPEN.route(
    "GET /api/v1/agent/authconfig",
    "Show how to authenticate",
    response("How to authenticate.", AgentAuthConfig),
)
async def get_agent_auth_config(request: web.Request) -> web.Response:
    """By a flow of OAuth 2 nobody can."""
    methods = {
        "none": [],
        "basic": ["basic"],
        "key": ["bearer"],
        "any": ["basic", "bearer"],
    }[authentication(request).settings.type]
    return reply(AgentAuthConfig(version="1.0.0", config={"Methods": methods, "ProviderID": ""}))


@AGENT.route(
    "GET /api/v1/agent/node", "Show the coordinator as a node", response("The node.", AgentNode)
)
async def get_agent_node(_: web.Request) -> web.Response:
    name = socket.gethostname()
    info = BacalhauNodeInfo(
        node_id=name,
        node_type="Requester",
        labels={"name": name, "os_type": VERSION.goos, "os_arch": VERSION.goarch},
        bacalhau_version=VERSION,
    )
    state = ConnectionState(
        status="CONNECTED", last_heartbeat=datetime.now(UTC), connected_since=_STARTED_AT
    )
    return reply(
        AgentNode(
            **dict(info),
            info=info,
            membership="APPROVED",
            connection="CONNECTED",
            connection_state=state,
        )
    )


@AGENT.route(
    "GET /api/v1/agent/debug", "Show what is missing", response("What is missing.", AgentDebug)
)
async def get_agent_debug(request: web.Request) -> web.Response:
    missing = missing_of(ports(request).health_checks)
    return reply(AgentDebug(component="coordinator", info={"Missing": missing}))


@AGENT.route(
    "GET /api/v1/agent/config",
    "Show what clients need of the settings",
    response("It.", AgentConfig),
)
async def get_agent_config(request: web.Request) -> web.Response:
    """Nothing of the operator's: addresses and keys stay where they are."""
    auth = {"Type": authentication(request).settings.type}
    return reply(AgentConfig(config={"API": {"Auth": auth}, "NameProvider": "hostname"}))


def _redirect(path: str) -> web.Response:
    return web.Response(status=HTTPStatus.MOVED_PERMANENTLY, headers={"Location": path})


_MOVED = {301: Response("Where it is.")}


@OPEN.route("GET /version", "Go to the version", response("The version.", AgentVersion), _MOVED)
async def lead_to_version(_: web.Request) -> web.Response:
    return _redirect("/api/v1/agent/version")


@OPEN.route("GET /livez", "Go to the sign of life", response("It is alive.", AgentAlive), _MOVED)
async def lead_to_alive(_: web.Request) -> web.Response:
    return _redirect("/api/v1/agent/alive")


@OPEN.route(
    "GET /api/v1/livez", "Go to the sign of life", response("It is alive.", AgentAlive), _MOVED
)
async def lead_to_alive_as_before(_: web.Request) -> web.Response:
    return _redirect("/api/v1/agent/alive")


AGENT_ROUTES: tuple[Route, ...] = (
    get_agent_alive,
    get_agent_version,
    get_agent_auth_config,
    get_agent_node,
    get_agent_debug,
    get_agent_config,
    lead_to_version,
    lead_to_alive,
    lead_to_alive_as_before,
)
