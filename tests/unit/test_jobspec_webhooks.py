"""Webhooks that can never be called as submitted are refused."""

from collections.abc import Callable

import orjson
import pytest

from shared.jobspec.headers import check_header_name, check_header_value
from shared.jobspec.limits import MAX_HEADER, MAX_URL
from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.parsing import parse_endpoint, parse_job
from shared.jobspec.tork.webhooks import webhook_problems
from shared.jobspec.urls import check_url

HOST = "must have a valid host name or IP address"
NO_URL = "must be an http or https URL"
NO_PORT = "must have a port from 1 to 65535, or none"


@pytest.mark.parametrize(
    "url",
    [
        *("http://x", "https://ci.example/a?b=c#d", "HTTP://CI.example.:8443", "http://a_b-c/"),
        *("http://127.0.0.1:1/", "https://[2606:4700::1111]:443/x", "http://1a.example"),
        *("https://müller.example", "https://例え.テスト/", "http://ci.example/{id}?q=%20@:"),
        "https://x/" + "a" * (MAX_URL - 10),
    ],
)
def test_a_url_that_can_be_called_is_taken(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        *((url, NO_URL) for url in ("x", "//h", "ftp://h", "file:///x", "javascript:x", "http://")),
        *((url, NO_PORT) for url in ("http://h:0", "http://h:99999", "http://h:x")),
        ("http://[::1", NO_URL),
        ("http://h/a b", f"{NO_URL} without spaces and backslashes"),
        ("http://evil\\@h", f"{NO_URL} without spaces and backslashes"),
        ("https://x/" + "a" * MAX_URL, f"must have at most {MAX_URL} bytes"),
        ("http://u:p@h", "must not hold a user name or password; a header can hold them"),
        ("http://u@h", "must not hold a user name or password; a header can hold them"),
        *((f"http://{h}/", HOST) for h in ("a..b", ".a", "-" * 64, "a" * 64, "a." * 130, "a,b")),
        *((f"http://{h}/", HOST) for h in ("2130706433", "0177.0.0.1", "127.1", "0x7f000001")),
        *((f"http://{h}/", HOST) for h in ("127%2e0%2e0%2e1", "1.2.3.4.5", "a.256", "0x7f.1")),
        *((f"http://{h}/", HOST) for h in ("[fe80::1%25lo]", "[fe80::1%lo]")),
        *((f"http://{h}/", HOST) for h in ("[::1]x", "x[::1]", "[::1].example", "[v1.a]")),
        *((f"http://{h}/", HOST) for h in ("xn--", "xn--a", "a\u00adb", "a\u200db.example")),
    ],
)
def test_a_url_that_can_never_be_called_is_refused(url: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        check_url(url)


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "CONTENT-LENGTH", "transfer-encoding", "Connection", "Expect", "Upgrade", "TE"),
        *("Proxy-Authorization", "Content-Encoding", "Webhook-Id", "WEBHOOK-SIGNATURE"),
        *("webhook-timestamp", "Conveyor-Sequence", "Keep-Alive", "Trailer"),
    ],
)
def test_a_header_of_the_request_itself_cannot_be_set(name: str) -> None:
    with pytest.raises(ValueError, match="must not be set"):
        check_header_name(name)


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "X-A", "traceparent", "Content-Type"])
def test_other_headers_can_be_set(name: str) -> None:
    assert check_header_name(name) == name


@pytest.mark.parametrize("name", ["", "X A", "X:A", "Xé", "X-A\r\nX-Evil", "X\t", "X-A\n"])
def test_a_name_that_http_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be a header name"):
        check_header_name(name)


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nb", "\0", "\x7f"])
def test_a_value_that_http_cannot_carry_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="line break or another control character"):
        check_header_value(value)


@pytest.mark.parametrize("parse", [parse_job, parse_endpoint])
def test_a_header_is_given_once_however_its_name_is_written(
    parse: Callable[[bytes, str], object],
) -> None:
    webhook = {"url": "http://h", "headers": {"X-A": "1", "B": "2", "x-a": "3"}}
    job = {"name": "j", "tasks": [{"name": "t", "run": "true"}], "webhooks": [webhook]}
    submitted = job if parse is parse_job else {**webhook, "events": ["job.StateChange"]}
    with pytest.raises(InvalidJob, match=r"headers: .*one header twice: X-A and x-a"):
        parse(orjson.dumps(submitted), "application/json")


def test_a_value_longer_than_receivers_take_is_refused() -> None:
    assert check_header_value("é" * (MAX_HEADER // 2))
    with pytest.raises(ValueError, match=f"at most {MAX_HEADER} bytes"):
        check_header_value("é" * (MAX_HEADER // 2) + "a")


def test_a_job_and_each_sub_job_has_at_most_as_many_webhooks_as_the_operator_allows() -> None:
    hooks = [{"url": "http://x"}] * 3
    inner = {"name": "i", "tasks": [{"name": "t", "run": "true"}], "webhooks": hooks}
    outer = {"name": "o", "tasks": [{"name": "t", "subjob": inner}], "webhooks": hooks[:2]}
    job = {"name": "j", "tasks": [{"name": "t", "subjob": outer}], "webhooks": hooks}
    spec = parse_job(orjson.dumps(job), "application/json")
    assert webhook_problems(spec, 3) == []
    rule = "must have at most 2 webhooks (CONVEYOR_API_WEBHOOKS_PER_JOB)"
    assert [str(problem) for problem in webhook_problems(spec, 2)] == [
        f"webhooks: {rule}",
        f"tasks[0].subjob.tasks[0].subjob.webhooks: {rule}",
    ]
    assert len(webhook_problems(spec, 1)) == 3
