"""What Bacalhau's own command, v1.9.3, sends and can read: Go decodes more strictly than Python."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from services.coordinator.api.bacalhau.job_views import EXECUTION_STATES
from tests.support.bacalhau_clients.jobs import JOBS, add_execution, batch_job, happens, put
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import PROTECTED

pytestmark = pytest.mark.real

_HEADERS = {
    "Accept-Encoding": "gzip",
    "Content-Type": "application/json",
    "X-Bacalhau-Git-Version": "v1.9.3",
    "X-Bacalhau-Build-Date": "0001-01-01 00:00:00 +0000 UTC",
    "X-Bacalhau-InstallationID": "bac_5f0f7a4c",
}
_BASE = {"Namespace": "", "Credential": {"Scheme": "Bearer", "Value": "anonymous", "Params": None}}
"""What Go writes into every body of its requests."""


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def test_versions_have_a_time_that_go_can_read(api: Api) -> None:
    version = await api.get("/api/v1/agent/version")
    assert datetime.fromisoformat(version["BuildDate"]).tzinfo is not None


async def test_the_command_gets_its_token_where_no_credentials_are_required(api: Api) -> None:
    [(name, method)] = (await api.get("/api/v1/auth"))["Methods"].items()
    assert (name, method["type"]) == ("ClientKey", "challenge")
    assert method["params"]["InputPhrase"]
    asked = {**_BASE, "Credential": None, "Name": name, "MethodData": "eyJQdWJsaWNLZXkiOiIifQ=="}
    status, answer = await api.answer("POST", f"/api/v1/auth/{name}", json=asked, headers=_HEADERS)
    assert (status, answer["Authentication"]["success"]) == (200, True)
    bearer = {**_HEADERS, "Authorization": f"Bearer {answer['Authentication']['token']}"}
    status, _ = await api.answer("GET", JOBS, headers=bearer)
    assert status == 200


async def test_the_command_is_told_to_bring_credentials_where_they_are_required(
    postgres_dsn: str,
) -> None:
    """It says so itself where there are no methods."""
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        assert (await api.answer("GET", "/api/v1/auth"))[1] == {"Methods": {}}
        status, _ = await api.answer("POST", "/api/v1/auth/ClientKey", json=_BASE)
        assert status == 404


async def test_states_of_executions_are_numbers_and_those_of_jobs_names(api: Api) -> None:
    job_id = await put(api, batch_job("numbers"), headers=_HEADERS, **_BASE)
    task = await add_execution(api, job_id, "COMPLETED")
    await happens(api, job_id, "COMPLETED", task)
    whole: dict[str, Any] = await api.get(f"{JOBS}/numbers?include=executions")
    [execution] = whole["Executions"]["Items"]
    assert isinstance(whole["Job"]["State"]["StateType"], str)
    assert execution["ComputeState"]["StateType"] == 9
    assert execution["DesiredState"]["StateType"] == 2
    [event] = (await api.get(f"{JOBS}/numbers/history?event_type=execution"))["Items"]
    assert event["ExecutionState"]["New"] == 9
    assert event["Event"]["Details"]["NewState"] == "Completed"


def test_states_are_numbered_as_in_go() -> None:
    numbers = {state: (int(is_), int(to_be)) for state, (is_, to_be) in EXECUTION_STATES.items()}
    assert numbers["PENDING"] == (1, 0)
    assert numbers["SCHEDULED"] == (2, 1)
    assert numbers["RUNNING"] == (6, 1)
    assert numbers["FAILED"] == (10, 2)
    assert numbers["CANCELLED"] == (11, 2)
    assert EXECUTION_STATES["SCHEDULED"][0].text == "AskForBid"


async def test_stop_takes_the_body_that_go_sends(api: Api) -> None:
    job_id = await put(api, batch_job("stopped"))
    body = {**_BASE, "IdempotencyToken": "", "reason": "Stopped at user request"}
    status, answer = await api.answer("DELETE", f"{JOBS}/stopped", json=body, headers=_HEADERS)
    assert (status, answer["EvaluationID"]) == (200, job_id.removeprefix("j-"))


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("none/logs", "job not found: none"),
        ("x/logs?execution_id=e-0a0a0a0a", "execution not found: e-0a0a0a0a"),
    ],
)
async def test_what_is_wrong_with_a_log_is_read_from_its_websocket(
    api: Api, path: str, why: str
) -> None:
    """Of an answer that is none the command says only: bad handshake."""
    await put(api, batch_job("x"))
    async with api.client.ws_connect(f"{JOBS}/{path}", headers=_HEADERS) as socket:
        [frame] = [message.json() async for message in socket]
    assert frame["error"] == why
