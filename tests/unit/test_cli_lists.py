"""The commands that list things and act on them: what is asked, what is shown."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from tests.support.http.command_line import run_command
from tests.support.http.fake_api import FakeApi, fake_api, page, refusal

AT = "2024-05-01T12:00:00Z"
ID = "0123456789abcdef" * 2
JOB = {
    "id": "j1",
    "name": "a\nb",
    "state": "COMPLETED",
    "createdAt": AT,
    "startedAt": AT,
    "completedAt": "2024-05-01T12:00:02Z",
    "progress": 100.0,
    "tags": ["x", "y"],
}
NODE = {
    "id": "n",
    "name": "w1",
    "startedAt": AT,
    "lastHeartbeatAt": AT,
    "cpuPercent": 7.4,
    "queue": "default:4",
    "status": "UP",
    "hostname": "h",
    "port": 1,
    "taskCount": 2,
    "version": "1",
}
QUEUE = {"name": "default", "size": 5, "subscribers": 2, "unacked": 1}
KEY = {"id": "k1", "name": "ci", "scopes": ["read", "submit"], "createdAt": AT}
SCHEDULE = {"id": "s1", "name": "nightly", "state": "ACTIVE", "cron": "0 3 * * *"}


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as fake:
        yield fake


async def table(api: FakeApi, *arguments: str) -> list[list[str]]:
    """The cells of what is printed."""
    result = await run_command(api.url, *arguments)
    assert result.exit_code == 0, result.output
    return [line.split() for line in result.stdout.splitlines()]


async def test_jobs_are_listed_with_how_to_see_more(api: FakeApi) -> None:
    api.answers["GET /jobs"] = page([JOB], totalPages=3, totalItems=21)
    result = await run_command(api.url, "list")
    row = result.stdout.splitlines()[1].split()
    assert row[:6] == ["a", "b", "j1", "completed", "100", "%"]
    assert row[-4:] == ["2.0", "s", "x,", "y"]
    assert result.stderr == ("page 1 of 3, 21 jobs; --page and --size show others, --all all\n")


async def test_a_page_behind_the_last_one_is_said_to_be_that(api: FakeApi) -> None:
    api.answers["GET /jobs"] = {**page([]), "totalPages": 1, "totalItems": 4}
    result = await run_command(api.url, "list", "--page", "9")
    assert result.stderr == "the last page is 1\n"


async def test_a_search_is_put_in_the_apis_words(api: FakeApi) -> None:
    api.answers["GET /jobs"] = page([])
    options = ("--state", "failed", "--tag", "a", "--tag", "b", "--page", "2", "--size", "5")
    await run_command(api.url, "list", "some", "words", *options)
    assert api.asked[0].query == {
        "q": "FAILED tags:a,b some words",
        "state": "FAILED",
        "tag": "a,b",
        "page": "2",
        "size": "5",
    }


async def test_queues_are_a_table(api: FakeApi) -> None:
    api.answers["GET /queues"] = [QUEUE]
    assert (await table(api, "queues"))[1] == ["default", "5", "1", "2"]


@pytest.mark.parametrize("answer", [[SCHEDULE], page([SCHEDULE])])
async def test_schedules_are_listed_be_it_whole_or_by_pages(api: FakeApi, answer: Any) -> None:
    api.answers["GET /scheduled-jobs"] = answer
    assert (await table(api, "schedules", "list"))[1][:3] == ["nightly", "s1", "active"]


async def test_a_page_may_be_larger_than_the_apis(api: FakeApi) -> None:
    schedules = [SCHEDULE | {"id": f"s{n}"} for n in range(57)]

    async def answer(request: Any) -> Any:
        number = int(request.query["page"])
        items = schedules[(number - 1) * 20 : number * 20]
        return web.json_response(page(items, totalItems=57))

    api.answers["GET /scheduled-jobs"] = answer
    second = await table(api, "schedules", "list", "--size", "25", "--page", "2")
    assert [row[1] for row in second[1:]] == [f"s{n}" for n in range(25, 50)]


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("cancel", ID), f"PUT /jobs/{ID}/cancel"),
        (("restart", ID), f"PUT /jobs/{ID}/restart"),
        (("delete", ID), f"DELETE /jobs/{ID}"),
        (("schedules", "pause", ID), f"PUT /scheduled-jobs/{ID}/pause"),
        (("schedules", "resume", ID), f"PUT /scheduled-jobs/{ID}/resume"),
        (("schedules", "delete", ID), f"DELETE /scheduled-jobs/{ID}"),
        (("keys", "delete", ID), f"DELETE /keys/{ID}"),
        (("users", "delete", "ann"), "DELETE /users/ann"),
    ],
)
async def test_an_act_is_one_request(api: FakeApi, arguments: tuple[str, ...], asked: str) -> None:
    api.answers[asked] = {"status": "OK"}
    result = await run_command(api.url, *arguments)
    assert (result.exit_code, [one.what for one in api.asked]) == (0, [asked])
    in_json = await run_command(api.url, *arguments, "--json")
    assert json.loads(in_json.stdout) == {"status": "OK"}


async def test_a_name_or_the_beginning_of_an_id_stands_for_the_id(api: FakeApi) -> None:
    api.answers |= {
        "GET /jobs/night / one/summary": {"id": ID},
        f"PUT /jobs/{ID}/cancel": {"status": "OK"},
        f"PUT /jobs/{ID}/priority": {"status": "OK"},
        f"POST /jobs/{ID}/lock": {"token": "tok", "lockedAt": AT, "expiresAt": AT},
        f"DELETE /jobs/{ID}/lock": {"status": "OK"},
        "GET /scheduled-jobs": page([{"id": ID, "name": "nightly"}, {"id": "b" * 32, "name": "x"}]),
        f"PUT /scheduled-jobs/{ID}/pause": {"status": "OK"},
        "GET /keys": [{"id": ID, "name": "ci"}],
        f"DELETE /keys/{ID}": {"status": "OK"},
    }
    cancelled = await run_command(api.url, "cancel", "night / one")
    assert cancelled.stdout == "night / one cancelled\n"
    locked = await run_command(api.url, "lock", "night / one", "--ttl", "10m")
    assert locked.stdout == "tok\n"
    unlocked = await run_command(api.url, "unlock", "night / one", "--token", "tok")
    assert unlocked.stdout == "night / one unlocked\n"
    [asked] = api.asked_for(f"DELETE /jobs/{ID}/lock")
    assert asked.headers["Lock-Token"] == "tok"
    urgent = await run_command(api.url, "priority", "night / one", "7")
    assert urgent.stdout == "night / one has priority 7\n"
    assert json.loads(api.asked_for(f"PUT /jobs/{ID}/priority")[0].body) == {"priority": 7}
    await run_command(api.url, "cancel", "night / one", "--reason", "wrong input")
    assert api.asked[-1].body == b'{"reason": "wrong input"}'
    for text in ("nightly", ID[:5]):
        assert (await run_command(api.url, "schedules", "pause", text)).exit_code == 0
    assert (await run_command(api.url, "keys", "delete", "ci")).exit_code == 0
    unknown = await run_command(api.url, "schedules", "pause", "weekly")
    assert (unknown.exit_code, unknown.stderr) == (
        3,
        "conveyor: weekly: no scheduled job has the id or name 'weekly'\n",
    )


async def test_what_several_jobs_are_called_is_refused_with_their_ids(api: FakeApi) -> None:
    api.answers["GET /jobs/x/summary"] = refusal(409, "several jobs match 'x': a; b")
    result = await run_command(api.url, "get", "x")
    assert (result.exit_code, "several jobs match 'x': a; b" in result.stderr) == (3, True)


def many(*states: str) -> list[dict[str, Any]]:
    """The newest first, a day apart."""
    return [
        JOB | {"id": f"{n:032x}", "name": f"job {n}", "state": state, "createdBy": "ann"}
        | {"createdAt": f"2024-05-{20 - n:02}T12:00:00Z"}
        for n, state in enumerate(states)
    ]  # fmt: skip


def in_pages(api: FakeApi, jobs: list[dict[str, Any]], size: int = 20) -> None:
    async def answer(request: Any) -> Any:
        number = int(request.query["page"])
        items = jobs[(number - 1) * size : number * size]
        return web.json_response(page(items, totalPages=-(-len(jobs) // size), number=number))

    api.answers["GET /jobs"] = answer


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (("--name", "job 1*"), [1, 10, 11]),
        (("--all", "--by", "bob"), []),
        (("--all", "--since", "2024-05-18T12:00:00+00:00"), [0, 1, 2]),
        (("--all", "--before", "2024-05-11"), [10, 11]),
        (("--all", "--state", "failed", "--state", "running"), [1, 2]),
        (("--sort", "name", "--size", "3"), [0, 1, 10]),
        (("--size", "100"), [*range(12)]),
        (("--all",), [*range(12)]),
        (("--all", "--sort", "state"), [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]),
    ],
)
async def test_jobs_are_chosen_and_sorted_over_all_pages(
    api: FakeApi, options: tuple[str, ...], numbers: list[int]
) -> None:
    in_pages(api, many("COMPLETED", "FAILED", "RUNNING", *["COMPLETED"] * 9), size=5)
    result = await run_command(api.url, "list", "-q", *options)
    assert [int(line, 16) for line in result.stdout.splitlines()] == numbers


async def test_jobs_are_cancelled_by_what_they_have_in_common(api: FakeApi) -> None:
    jobs = many("RUNNING", "COMPLETED", "PENDING", "RUNNING")
    in_pages(api, jobs)
    for n in (0, 2):
        api.answers[f"PUT /jobs/{n:032x}/cancel"] = {"status": "OK"}
    unsure = await run_command(api.url, "cancel", "--all")
    assert (unsure.exit_code, "add --yes to cancel 3 jobs" in unsure.stderr) == (2, True)
    assert not [one for one in api.asked if one.what.startswith("PUT")]
    result = await run_command(api.url, "cancel", "--all", "--yes")
    assert (result.exit_code, result.stdout) == (3, "2 jobs cancelled\n")
    assert f"{3:032x}" in result.stderr
    nothing = await run_command(api.url, "restart", "--name", "job*")
    assert (nothing.exit_code, nothing.stderr) == (0, "no jobs to restart\n")


@pytest.mark.parametrize("arguments", [(), ("j1", "--all"), ("j1", "--tag", "x")])
async def test_jobs_are_given_either_by_id_or_by_options(
    api: FakeApi, arguments: tuple[str, ...]
) -> None:
    assert (await run_command(api.url, "delete", *arguments)).exit_code == 2


async def test_one_job_that_is_refused_does_not_keep_the_others(api: FakeApi) -> None:
    api.answers["PUT /jobs/j1/cancel"] = refusal(400, "job is FAILED")
    api.answers["PUT /jobs/j2/cancel"] = {"status": "OK"}
    result = await run_command(api.url, "cancel", "j1", "j2")
    assert (result.exit_code, result.stdout) == (3, "j2 cancelled\n")
    assert "j1" in result.stderr


async def test_a_new_key_goes_to_standard_output_alone(api: FakeApi) -> None:
    api.answers["POST /keys"] = {**KEY, "key": "cv_secret"}
    scopes = ("--scope", "read", "--scope", "submit")
    result = await run_command(api.url, "keys", "create", "ci", *scopes, "--expires-in", "24h")
    assert result.stdout == "cv_secret\n"
    assert json.loads(api.asked[0].body) == {
        "name": "ci",
        "scopes": ["read", "submit"],
        "expiresIn": "24h",
    }


async def test_keys_are_listed_without_the_keys_themselves(api: FakeApi) -> None:
    api.answers["GET /keys"] = [KEY]
    assert (await table(api, "keys", "list"))[1][:4] == ["k1", "ci", "read,", "submit"]


USER = {"id": "u1", "username": "ann", "name": "Ann", "createdAt": AT, "roles": ["ops"]}


async def test_users_and_roles_are_tables(api: FakeApi) -> None:
    api.answers["GET /users"] = [USER, {**USER, "username": "guest", "disabled": True, "roles": []}]
    _, ann, guest = await table(api, "users", "list")
    assert (ann[:4], guest[:3]) == (["ann", "Ann", "ops", "active"], ["guest", "Ann", "disabled"])
    api.answers["GET /roles"] = [{"slug": "ops", "name": "Operations", "createdAt": AT}]
    assert (await table(api, "roles", "list"))[1][:2] == ["ops", "Operations"]


async def test_a_user_is_created_with_a_password_from_a_prompt_or_standard_input(
    api: FakeApi,
) -> None:
    api.answers |= {
        "POST /users": USER,
        "PUT /users/ann/roles": {"status": "OK"},
        "GET /roles": [{"slug": "ops", "name": "Operations"}],
    }
    new = ("users", "create", "ann", "--name", "Ann")
    prompted = await run_command(api.url, *new, stdin="a password\na password\n")
    piped = await run_command(
        api.url, *new, "--role", "ops", "--password-stdin", stdin="a password\n"
    )
    for result in (prompted, piped):
        assert result.exit_code == 0, result.output
        assert "a password" not in result.output
        assert result.stdout == "created user ann\n"
    first, _, second, roles = api.asked
    wanted = {"username": "ann", "name": "Ann", "password": "a password", "disabled": False}
    assert json.loads(first.body) == json.loads(second.body) == wanted
    assert json.loads(roles.body) == ["ops"]
    unknown = await run_command(api.url, *new, "--role", "x", "--password-stdin", stdin="p\n")
    assert (unknown.exit_code, unknown.stderr) == (3, "conveyor: no such role: x\n")


@pytest.mark.parametrize("standard_input", ["", "<&-"], ids=["piped", "closed"])
def test_without_a_terminal_a_password_is_neither_asked_for_nor_shown(standard_input: str) -> None:
    command = [sys.executable, "-m", "cli", "users", "password", "ann"]
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {standard_input}', "sh", *command],
        input="a password\n",
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.endswith(
        "Error: there is no terminal to ask for the password: add --password-stdin\n"
    )
    assert "Warning" not in ended.stderr


async def test_text_that_is_not_utf_8_is_refused_and_not_shown(api: FakeApi) -> None:
    piped = ("users", "create", "ann", "--password-stdin")
    for arguments, stdin in ((piped, b"a password \xff\n"), (("cancel", "a\udcff"), "")):
        result = await run_command(api.url, *arguments, stdin=stdin)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.endswith("Error: an argument or standard input is not UTF-8 text\n")
        assert "a password" not in result.stderr
    assert api.asked == []


async def test_the_own_password_is_changed_with_the_old_one(api: FakeApi) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if "oldPassword" not in await request.json():
            return await refusal(400, "oldPassword: is required")(request)
        return web.json_response({"status": "OK"})

    api.answers["PUT /users/ann/password"] = answer
    change = ("users", "password", "ann")
    login = {"CONVEYOR_USER": "ann", "CONVEYOR_PASSWORD": "old one"}
    for arguments, stdin, environment in (
        (change, "new one\nnew one\nold one\n", {}),
        ((*change, "--password-stdin"), "new one\nold one\n", {}),
        (("users", "password", "--password-stdin"), "new one\n", login),
    ):
        result = await run_command(api.url, *arguments, stdin=stdin, **environment)
        assert (result.exit_code, result.stdout) == (0, "changed the password of ann\n")
        assert json.loads(api.asked[-1].body) == {"password": "new one", "oldPassword": "old one"}


async def test_roles_are_given_and_taken(api: FakeApi) -> None:
    api.answers |= {"GET /users": [USER], "PUT /users/ann/roles": {"status": "OK"}}
    for arguments, wanted in (
        (("assign", "Ann", "dev"), ["dev", "ops"]),
        (("assign", "ann", "OPS"), ["OPS"]),
        (("unassign", "ann", "Ops"), []),
    ):
        result = await run_command(api.url, "roles", *arguments)
        assert result.exit_code == 0, result.output
        assert json.loads(api.asked[-1].body) == wanted
    missing = await run_command(api.url, "roles", "assign", "zoe", "dev")
    assert (missing.exit_code, missing.stderr) == (3, "conveyor: no such user\n")


async def test_a_schedule_is_created_from_a_job_file(api: FakeApi) -> None:
    api.answers["POST /scheduled-jobs"] = SCHEDULE
    result = await run_command(api.url, "schedules", "create", "-")
    assert result.stdout == "s1\n"


@pytest.mark.parametrize(
    ("arguments", "path", "answer"),
    [
        (("list",), "/jobs", page([JOB])),
        (("queues",), "/queues", [QUEUE]),
        (("nodes",), "/nodes", [NODE]),
        (("keys", "list"), "/keys", [KEY]),
        (("users", "list"), "/users", [USER]),
        (("schedules", "list"), "/scheduled-jobs", page([SCHEDULE])),
    ],
)
async def test_json_is_exactly_what_the_api_answered(
    api: FakeApi, arguments: tuple[str, ...], path: str, answer: Any
) -> None:
    api.answers[f"GET {path}"] = answer
    result = await run_command(api.url, *arguments, "--json")
    assert json.loads(result.stdout) == answer


async def test_something_else_at_the_address_is_said_to_be_that(api: FakeApi) -> None:
    api.answers["GET /nodes"] = refusal(200, "")
    api.answers["GET /queues"] = refusal(502, "the database is unavailable, try again later")
    result = await run_command(api.url, "queues")
    assert result.exit_code == 3
    assert "the database is unavailable" in result.stderr
