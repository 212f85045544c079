"""Who may see and act on jobs by Bacalhau's API, and whose a namespace is."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest

from tests.support.bacalhau_clients.calls import blocking, orchestrator
from tests.support.bacalhau_clients.jobs import JOBS, batch_job, put
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    OPERATOR,
    PROTECTED,
    Headers,
    add_key,
    add_user,
    done,
    hash_cheaply,
)

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Company:
    """Ann and Bob, and Otto of the team ops."""

    api: Api
    people: Mapping[str, Headers]

    async def names(self, who: str) -> list[str]:
        page = await self.api.get(JOBS, headers=self.people[who])
        return [job["Name"] for job in page["Items"]]


@pytest.fixture
async def company(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        await done(api, "POST", "/roles", OPERATOR, json={"slug": "ops", "name": "Operations"})
        people = {
            "ann": await add_user(api, "ann"),
            "bob": await add_user(api, "bob"),
            "otto": await add_user(api, "otto", "ops"),
            "key of ann": await add_key(api, "read", "submit", "operate", user="ann"),
            "operator": OPERATOR,
        }
        yield Company(api, people)


async def test_a_namespace_with_the_name_of_a_user_or_a_role_is_theirs(company: Company) -> None:
    api, people = company.api, company.people
    own = await put(api, batch_job("own", Namespace="ann"), headers=people["key of ann"])
    await put(api, batch_job("team", Namespace="ops"), headers=people["otto"])
    await put(api, batch_job("open"), headers=people["bob"])
    assert await company.names("ann") == await company.names("key of ann") == ["own", "open"]
    assert await company.names("bob") == ["open"]
    assert await company.names("otto") == ["team", "open"]
    assert await company.names("operator") == ["own", "team", "open"]
    for path in (f"{JOBS}/{own}", f"{JOBS}/{own[:10]}", f"{JOBS}/own?namespace=ann"):
        for what in ("", "/history", "/executions", "/versions", "/logs"):
            asked = path.replace("?", f"{what}?") if "?" in path else f"{path}{what}"
            status, answer = await api.answer("GET", asked, headers=people["bob"])
            assert (status, answer["Code"]) == (404, "NotFound"), asked
        assert (await api.answer("DELETE", path, headers=people["bob"]))[0] == 404
    for namespace in ("ann", "ops"):
        body = {"Job": batch_job("x", Namespace=namespace)}
        status, answer = await api.answer("PUT", JOBS, json=body, headers=people["bob"])
        assert (status, answer["Code"]) == (403, "Forbidden")
        assert f"namespace '{namespace}' belongs to" in answer["Message"]


async def test_the_name_of_a_job_that_one_may_not_see_is_taken(company: Company) -> None:
    api, people = company.api, company.people
    body = {"Job": batch_job("x", Namespace="n")}
    auth = {"Job": batch_job("x", Namespace="n", Count=2)}
    assert (await api.answer("PUT", JOBS, json=body, headers=people["ann"]))[0] == 200
    async with api.pool.acquire() as connection:
        await connection.execute("UPDATE jobs SET readers = '{user:ann}'")
    status, answer = await api.answer("PUT", JOBS, json=auth, headers=people["bob"])
    assert (status, answer["Code"]) == (409, "ResourceInUse")
    assert (await api.answer("PUT", f"{JOBS}/diff", json=auth, headers=people["bob"]))[0] == 404


async def test_who_may_only_view_a_job_does_not_stop_it(company: Company) -> None:
    api, people = company.api, company.people
    job = await put(api, batch_job("x"), headers=people["ann"])
    async with api.pool.acquire() as connection:
        await connection.execute(
            "UPDATE jobs SET readers = ARRAY("
            "SELECT 'view:user:' || identity FROM users WHERE username = 'bob')"
        )
    assert (await api.get(f"{JOBS}/{job}", headers=people["bob"]))["Job"]["Name"] == "x"
    status, answer = await api.answer("DELETE", f"{JOBS}/{job}", headers=people["bob"])
    assert (status, answer["Code"]) == (403, "Forbidden")


@pytest.mark.parametrize("who", ["ann", "key of ann", "operator"])
async def test_the_client_of_bacalhau_authenticates_by_header(company: Company, who: str) -> None:
    client = orchestrator(company.api.client.make_url(""), company.people[who])
    await put(company.api, batch_job("x"), headers=company.people[who])
    listed = await blocking(client.orchestratorlist_jobs)
    assert [job.name for job in listed.items] == ["x"]
