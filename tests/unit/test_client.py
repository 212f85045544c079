"""The Python client against a server that answers as the test says."""

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

import conveyor
from conveyor import Client, Retries
from conveyor import models as m
from conveyor.jobs import (
    Artifact,
    Constraint,
    Each,
    Job,
    Network,
    Parallel,
    Placement,
    Port,
    Resources,
    Source,
    Subjob,
    Task,
)
from shared.jobspec.tork.parsing import parse_job

URL = "http://conveyor.test"
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
AT_ONCE = Retries(tries=4, first_pause_seconds=0)

Answer = httpx.Response | Exception


class Server:
    """Gives the answers in turn, the last again and again; remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if self._answers[1:] else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self) -> Client:
        return Client(URL, key="k", retries=AT_ONCE, http=httpx.MockTransport(self))


def job(id_: str = "j1", state: str = "PENDING") -> dict[str, object]:
    at = "2026-01-02T03:04:05Z"
    return {"id": id_, "name": "x", "state": state, "createdAt": at, "position": 0, "taskCount": 1,
            "progress": 0}  # fmt: skip


def page(number: int, total: int, *ids: str) -> httpx.Response:
    items = [job(id_) for id_ in ids]
    return httpx.Response(200, json={"number": number, "totalPages": total, "items": items})


def refusal(status: int, **body: object) -> httpx.Response:
    return httpx.Response(status, json={"message": "no", **body})


def test_a_submission_that_may_have_arrived_is_sent_again_under_the_same_key() -> None:
    server = Server(httpx.ReadError("cut"), refusal(503), httpx.Response(200, json=job()))

    with server.client() as client:
        submitted = client.submit(m.JobSpec(name="x", tasks=[m.TaskEntry(name="a", run="true")]))

    assert submitted.id == "j1"
    assert submitted.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert submitted.raw == job()
    assert len({request.headers["Idempotency-Key"] for request in server.asked}) == 1
    sent = {"name": "x", "tasks": [{"name": "a", "run": "true"}]}
    assert [json.loads(request.content) for request in server.asked] == [sent] * 3


def test_a_job_is_built_of_the_same_tasks_everywhere() -> None:
    inner = Task(name="inner", run="true", artifacts=[Artifact(name="out", path="out.txt")])
    job = Job(
        name="x",
        tasks=[
            Task(name="all", each=Each(list_=["a", "b"], task=inner)),
            Task(name="two", parallel=Parallel(tasks=[inner])),
            Task(name="sub", subjob=Subjob(name="y", tasks=[inner])),
            Task(name="last", run="true", sources=[Source(artifact="all.out", target="in")]),
            Task(
                name="placed",
                run="true",
                success_codes=[0, 3],
                placement=Placement(
                    type="service",
                    count="{{ 3 }}",
                    constraints=["zone = a", Constraint(key="gpu", operator="exists")],
                    resources=Resources(cpu="1", gpu=1),
                ),
                network=Network(type="bridge", ports=[Port(name="WEB", target=80)]),
            ),
        ],
    )

    made = job.to_json()

    submitted = parse_job(json.dumps(made).encode(), "application/json").as_submitted()
    placed = made["tasks"][-1]["placement"]
    assert placed["constraints"][0] == "zone = a"
    placed["constraints"][0] = {"key": "zone", "operator": "=", "values": ["a"]}
    assert submitted == made
    artifacts = [{"name": "out", "path": "out.txt"}]
    assert made["tasks"][0]["each"] == {
        "list": ["a", "b"],
        "task": {"name": "inner", "run": "true", "artifacts": artifacts},
    }
    with pytest.raises(ValueError, match="imagee"):
        Task.model_validate({"name": "x", "imagee": "y"})


def test_a_dict_may_hold_tasks_that_were_built() -> None:
    server = Server(httpx.Response(200, json=job()))

    with server.client() as client:
        client.submit({"name": "x", "tasks": [Task(name="a", run="true")]})

    assert json.loads(server.asked[0].content)["tasks"] == [{"name": "a", "run": "true"}]


def test_what_can_not_be_repeated_is_sent_again_only_if_it_did_not_arrive() -> None:
    cut, unreached = Server(httpx.ReadError("cut")), Server(httpx.ConnectError("refused"))

    with cut.client() as client, pytest.raises(conveyor.Unavailable) as told:
        client.cancel("j1")
    with unreached.client() as client, pytest.raises(conveyor.Unavailable, match="can't reach"):
        client.cancel("j1")

    assert told.value.may_have_happened
    assert (len(cut.asked), len(unreached.asked)) == (1, 4)


@pytest.mark.parametrize(
    ("status", "error", "times"),
    [
        (400, conveyor.Invalid, 1),
        (401, conveyor.Unauthenticated, 1),
        (403, conveyor.Forbidden, 1),
        (404, conveyor.NotFound, 1),
        (409, conveyor.Conflict, 1),
        (429, conveyor.TooManyRequests, 4),
        (500, conveyor.Unavailable, 1),
        (502, conveyor.Unavailable, 4),
    ],
)
def test_each_refusal_has_its_error(
    status: int, error: type[conveyor.ConveyorError], times: int
) -> None:
    server = Server(refusal(status))

    with server.client() as client, pytest.raises(error, match=f"{URL}: no") as told:
        client.get("j1")

    assert type(told.value) is error
    assert len(server.asked) == times


def test_an_invalid_job_says_each_rule_it_breaks() -> None:
    broken = {"field": "tasks[0].name", "rule": "is required", "line": 2}
    server = Server(refusal(400, errors=[broken]))

    with server.client() as client, pytest.raises(conveyor.Invalid) as told:
        client.submit("name: x")

    assert [(e.field, e.rule, e.line) for e in told.value.errors] == [
        ("tasks[0].name", "is required", 2)
    ]


def test_a_list_asks_for_pages_as_they_are_needed_and_gives_each_job_once() -> None:
    server = Server(page(1, 3, "a", "b"), page(2, 3, "b", "c"), page(3, 3, "d"))

    with server.client() as client:
        jobs = client.list("word", state="FAILED")
        first = next(jobs)
        asked_for_one = len(server.asked)
        rest = [job.id for job in jobs]

    assert (first.id, rest, asked_for_one) == ("a", ["b", "c", "d"], 1)
    assert dict(server.asked[1].url.params) == {
        "q": "word",
        "state": "FAILED",
        "page": "2",
        "size": "20",
    }


def test_a_stream_that_breaks_goes_on_where_it_was() -> None:
    first = (
        b'id: 1\nevent: job\ndata: {"state": "RUNNING", "text": "a\xe2\x80\xa8b"}\n\n: alive\n\n'
    )
    second = b"id: 2\nevent: end\ndata: {}\n\n"
    server = Server(httpx.Response(200, content=first), httpx.Response(200, content=second))

    with server.client() as client:
        events = list(client.events("j1"))

    assert [(event.kind, event.cursor) for event in events] == [("job", "1"), ("end", "2")]
    assert events[0].data["text"] == "a\u2028b"
    assert server.asked[1].headers["Last-Event-ID"] == "1"


def test_events_are_read_past_comments_and_data_in_several_lines() -> None:
    text = ': alive\n\nevent: job\nid: 1-2\ndata: {"a":\ndata: 1}\n\nevent:end\n\nevent: job\n'
    server = Server(httpx.Response(200, content=text.encode()))

    with server.client() as client:
        events = list(client.all_events(types="job", every="1s", jobs=["a", "b"]))

    assert server.asked[0].url.params.multi_items() == [
        ("types", "job"),
        ("every", "1s"),
        ("jobs", "a,b"),
    ]
    assert events == [conveyor.Event("job", "1-2", {"a": 1}), conveyor.Event("end", "", {})]


def test_an_event_that_is_no_json_is_an_error_of_ours() -> None:
    server = Server(httpx.Response(200, content=b"event: job\ndata: <html>\n\n"))

    with server.client() as client, pytest.raises(conveyor.UnexpectedAnswer, match="can't be read"):
        next(client.events("j1"))


def test_a_wait_ends_with_the_job_or_with_its_time() -> None:
    running, done = (httpx.Response(200, json=job(state=s)) for s in ("RUNNING", "COMPLETED"))
    all_of_it: dict[str, object] = {"tasks": [], "execution": [], "context": {}}
    whole = httpx.Response(200, json={**job(state="COMPLETED"), **all_of_it})

    with Server(running, done, whole).client() as client:
        assert client.wait("j1").state == "COMPLETED"
    with Server(running).client() as client, pytest.raises(conveyor.NotFinal, match="RUNNING"):
        client.wait("j1", timeout_seconds=0)


def test_names_in_paths_are_quoted() -> None:
    server = Server(httpx.Response(200, json={"status": "OK"}))

    with server.client() as client:
        client.queues.delete("a/b?c")
        client.queues.delete("..")
        with client.files.open("a", "b/../../c"):
            pass

    paths = [asked.url.raw_path for asked in server.asked]
    above = b"/jobs/a/files/b/%2E%2E/%2E%2E/c"
    assert paths == [b"/queues/a%2Fb%3Fc", b"/queues/%2E%2E", above]


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("name: x\n")
    server = Server(httpx.Response(200, json=job()))

    with server.client() as client:
        client.submit(tmp_path / "job.yaml")

    assert server.asked[0].content == b"name: x\n"
    assert server.asked[0].headers["Content-Type"] == "application/yaml"


@pytest.mark.parametrize("url", ["ftp://x", "x", "http://", "http://u:p@x"])
def test_an_address_that_can_not_be_right_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Client(url)


def test_the_environment_says_where_and_who(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVEYOR_URL", URL + "/")
    monkeypatch.setenv("CONVEYOR_USER", "ann")
    monkeypatch.setenv("CONVEYOR_PASSWORD", "pä")
    server = Server(httpx.Response(200, json={"status": "UP", "version": "1"}))

    with Client(http=httpx.MockTransport(server)) as client:
        client.health()

    assert str(server.asked[0].url) == f"{URL}/health"
    login = base64.b64decode(server.asked[0].headers["Authorization"].removeprefix("Basic "))
    assert login.decode() == "ann:pä"


def signed(body: str, at: datetime, secret: str = SECRET) -> dict[str, str]:
    return {"Webhook-Id": "m1", "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": "v1,AAAA " + Webhook(secret).sign("m1", at, body)}  # fmt: skip


def test_a_signed_webhook_is_verified_with_any_of_the_secrets() -> None:
    body, other = '{"type": "job.StateChange"}', "whsec_" + base64.b64encode(b"o" * 24).decode()

    event = conveyor.verify(body.encode(), signed(body, datetime.now(UTC)), [other, SECRET])

    assert event == {"type": "job.StateChange"}


def bad_calls() -> Iterator[tuple[str, dict[str, str], Sequence[str]]]:
    now, body = datetime.now(UTC), "{}"
    good = signed(body, now)
    yield "[]", good, [SECRET]
    yield body, signed(body, datetime(2020, 1, 1, tzinfo=UTC)), [SECRET]
    yield body, good, ["whsec_" + base64.b64encode(b"o" * 24).decode()]
    yield body, {**good, "Webhook-Id": "m2"}, [SECRET]
    yield body, {**good, "webhook-timestamp": "x"}, [SECRET]
    yield body, {}, [SECRET]


def test_a_webhook_that_was_changed_or_is_old_or_not_ours_is_refused() -> None:
    for body, headers, secrets in bad_calls():
        with pytest.raises(conveyor.InvalidSignature):
            conveyor.verify(body, headers, secrets)
