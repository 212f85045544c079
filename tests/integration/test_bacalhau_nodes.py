"""Bacalhau's API of nodes and of the service itself, and the form of its errors."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from bacalhau_apiclient.models import ApiPutNodeRequest

from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import acquired
from tests.support.bacalhau_clients.calls import agent, blocking, orchestrator
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    OPERATOR,
    PROTECTED,
    add_key,
    add_user,
    hash_cheaply,
)

pytestmark = pytest.mark.real

NODES = "/api/v1/orchestrator/nodes"
GIB = 1 << 30


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def add_node(api: Api, node_id: str, **columns: Any) -> None:
    given = {
        "id": node_id,
        "name": f"{node_id}-name",
        "hostname": "host",
        "port": 8001,
        "version": "0.1",
        "queue": "default:1",
        "status": "UP",
        "labels": {"env": "prod"},
        "engines": ["docker", "shell"],
        "storages": ["url", "s3"],
        "publishers": ["s3"],
        "capacity": {"millicpus": 4000, "memory": 8 * GIB, "disk": 100 * GIB, "gpus": 1},
        "gpus": [{"index": "0", "name": "A100", "memory": GIB}],
        **columns,
    }
    names, values = ", ".join(given), ", ".join(f"${n}" for n in range(1, len(given) + 1))
    async with acquired(api.pool) as connection:
        await connection.execute(
            f"INSERT INTO nodes ({names}, started_at, last_heartbeat_at, lease)"
            f" VALUES ({values}, now(), now(), '30s')",
            *given.values(),
        )


async def ids(api: Api, query: Mapping[str, str] | list[tuple[str, str]]) -> list[str]:
    page = await api.get(NODES, params=query)
    assert page["Nodes"] == page["nodes"]
    return [node["Info"]["NodeID"] for node in page["Nodes"]]


async def test_a_node_shows_what_it_offers_and_what_is_free(api: Api) -> None:
    await add_node(api, "n1")
    node = (await api.get(f"{NODES}/n1"))["Node"]
    assert node["Membership"] == "APPROVED"
    assert node["ConnectionState"]["Status"] == node["Connection"] == "CONNECTED"
    compute = node["Info"]["ComputeNodeInfo"]
    assert node["Info"]["Labels"] == {"env": "prod", "name": "n1-name"}
    assert compute["ExecutionEngines"] == ["docker", "shell"]
    assert {"s3", "urlDownload"} <= set(compute["StorageSources"])
    assert compute["MaxCapacity"]["CPU"] == 4.0
    assert compute["AvailableCapacity"]["Memory"] == 8 * GIB
    assert compute["MaxCapacity"]["GPUs"][0]["Name"] == "A100"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["n1", "n2", "n3"]),
        ({"labels": "env=prod"}, ["n1", "n2"]),
        ({"labels": "env in (dev, test)"}, ["n3"]),
        ({"labels": "env=prod,!gpu"}, ["n1"]),
        ([("labels", "env=prod"), ("labels", "cores>8")], ["n2"]),
        ({"filter-status": "disconnected"}, ["n3"]),
        ({"filter-approval": "rejected"}, ["n2"]),
        ({"order_by": "id", "reverse": "true"}, ["n3", "n2", "n1"]),
        ({"order_by": "available_cpu", "limit": "1"}, ["n2"]),
    ],
)
async def test_nodes_are_found_by_labels_and_state(
    api: Api, query: Mapping[str, str], found: list[str]
) -> None:
    await add_node(api, "n1")
    await add_node(api, "n2", labels={"env": "prod", "gpu": "a", "cores": "16"},
                   capacity={"millicpus": 16000})  # fmt: skip
    await add_node(api, "n3", labels={"env": "dev"}, status="OFFLINE")
    await api.answer("PUT", f"{NODES}/n2", json={"Action": "reject"})
    assert await ids(api, query) == found


async def test_nodes_are_rejected_approved_and_forgotten(api: Api) -> None:
    await add_node(api, "n1", status="OFFLINE")
    for action, membership in (("reject", "REJECTED"), ("approve", "APPROVED")):
        taken = await api.answer("PUT", f"{NODES}/n1", json={"Action": action, "Message": "so"})
        assert (taken[0], taken[1]["Success"]) == (200, True)
        assert (await api.get(f"{NODES}/n1"))["Node"]["Membership"] == membership
        again, refusal = await api.answer("PUT", f"{NODES}/n1", json={"Action": action})
        assert (again, refusal["Code"]) == (409, "ResourceInUse")
    await api.answer("PUT", f"{NODES}/n1", json={"action": "delete"})
    assert await ids(api, {}) == []


async def test_the_client_of_bacalhau_reads_nodes_and_agent(api: Api) -> None:
    await add_node(api, "n1")
    url = api.client.make_url("")
    client, service = orchestrator(url), agent(url)
    listed = await blocking(client.orchestratorlist_nodes, filter_status="connected")
    assert [node.info.node_id for node in listed.nodes] == ["n1"]
    assert listed.nodes[0].info.compute_node_info.max_capacity.cpu == 4.0
    one = await blocking(client.orchestratorget_node, "n1")
    assert one.node.info.labels["env"] == "prod"
    rejection = ApiPutNodeRequest(action="reject", message="no", node_id="n1")
    assert (await blocking(client.orchestratorupdate_node, rejection, "n1")).success
    assert "OK" in await blocking(service.agentalive)
    assert (await blocking(service.agentversion)).git_version.startswith("v1.9")
    assert (await blocking(service.agentnode)).node_type == "Requester"
    assert (await blocking(service.agentdebug)).component == "coordinator"


@pytest.mark.parametrize("path", ["/version", "/livez", "/api/v1/livez"])
async def test_short_paths_lead_to_the_agent(api: Api, path: str) -> None:
    async with api.client.get(path, allow_redirects=False) as response:
        assert response.status == 301
        assert response.headers["Location"].startswith("/api/v1/agent/")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "message"),
    [
        ("GET", f"{NODES}/none", None, 404, "NotFound", "node not found: none"),
        ("GET", f"{NODES}?labels=a%20b", None, 400, "BadRequest", "must be a label selector"),
        ("GET", f"{NODES}?labels=a%3Eb", None, 400, "BadRequest", "must be a whole number"),
        ("GET", f"{NODES}?order_by=x", None, 400, "BadRequest", "order_by: 'x' is not allowed"),
        ("GET", f"{NODES}?limit=-1", None, 400, "BadRequest", "must be at least 0"),
        ("PUT", f"{NODES}/n1", {"Action": "x"}, 400, "ValidationError", "Action: "),
        ("PUT", f"{NODES}/n1", {}, 400, "ValidationError", "Action: is required"),
        ("GET", "/api/v1/none", None, 404, "NotFound", "no such path"),
        ("PATCH", NODES, None, 405, "BadRequest", "PATCH is not allowed"),
    ],
)
async def test_errors_have_bacalhaus_form(
    api: Api, method: str, path: str, body: object, status: int, code: str, message: str
) -> None:
    await add_node(api, "n1")
    found, answer = await api.answer(method, path, json=body)
    assert (found, answer["Status"], answer["Code"]) == (status, status, code)
    assert message in answer["Message"]
    assert set(answer) == {
        "Status", "Message", "RequestID", "Code", "Component", "Hint", "Details"
    }  # fmt: skip


async def test_an_ambiguous_beginning_says_what_to_do(api: Api) -> None:
    await add_node(api, "abc1")
    await add_node(api, "abc2")
    status, answer = await api.answer("GET", f"{NODES}/abc")
    assert (status, answer["Hint"]) == (409, "Use the full id")
    assert "abc1, abc2" in answer["Message"]


async def test_who_is_not_known_or_may_not_is_told_so(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        await add_node(api, "n1")
        user = await add_user(api, "ann")
        reading = await add_key(api, "read")
        for path in ("alive", "version", "authconfig"):
            assert (await api.answer("GET", f"/api/v1/agent/{path}"))[0] == 200
        for headers, status, code in (
            ({}, 401, "Unauthorized"),
            (user, 403, "Forbidden"),
            (reading, 403, "Forbidden"),
            (OPERATOR, 200, None),
        ):
            action = {"Action": "reject"}
            found, answer = await api.answer("PUT", f"{NODES}/n1", headers=headers, json=action)
            assert (found, answer.get("Code")) == (status, code)
        for headers in (user, reading, OPERATOR):
            listed = await blocking(orchestrator(api.client.make_url(""), headers)
                                    .orchestratorlist_nodes)  # fmt: skip
            assert [node.info.node_id for node in listed.nodes] == ["n1"]


async def test_an_outage_is_a_503(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr("services.coordinator.store.node_details.node_details", away)
    status, answer = await api.answer("GET", NODES)
    assert (status, answer["Code"]) == (503, "ServiceUnavailable")
