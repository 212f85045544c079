"""Where an event is sent: URLs and headers evaluated for it, or the reason why it can't be sent."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from services.webhook_dispatcher.requests import deliveries_for, headers_of, keys_of, opened
from services.webhook_dispatcher.store.deliveries import Delivery, Endpoint
from services.webhook_dispatcher.targets import Unsendable
from shared.expressions import Allowance
from shared.messages import Change
from shared.planning.secrets import OF_INPUTS
from shared.process.sealing import Sealer, generate_key
from shared.process.signing import new_secret, read_secret
from tests.support.jobs.job_rows import JOB_ROW

_SEALER = Sealer([generate_key()])
STEPS = 250_000
_TOKEN = "T0K3N-of-a-channel"
SIGNING, OPERATORS = (f"whsec_{letter * 32}" for letter in "ab")
_SECRETS = {
    "signing": SIGNING,
    "token": _TOKEN,
    "hook": f" https://chat.example/{_TOKEN}\n",
    "lines": "one\ntwo",
    f"{OF_INPUTS}password": '"swordfish"',
}
_JOB = {**JOB_ROW, "inputs": {"host": "ci.example", "password": "[REDACTED]"}}
_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_CHANGE = Change(job_id="j", version=3, state="RUNNING", at=_AT, result=f"made of {_TOKEN}")


def delivery(**webhook: Any) -> Delivery:
    """What a change of a job with this webhook owes, as it is stored."""
    kept = _SEALER.seal({"secrets": _SECRETS})
    job = {**_JOB, "sealed": kept, "webhooks": [webhook]}
    [made] = deliveries_for(_CHANGE, job, _SEALER, Allowance(STEPS))
    assert _TOKEN not in repr(made)
    return made


def test_a_submission_that_joined_has_secrets_of_its_own_and_the_job_hides_what_it_hid() -> None:
    joined = {"id": "b", "webhooks": [{"url": "https://b/{{ secrets.mine }}"}]}
    joined["sealed"] = _SEALER.seal({"secrets": {"mine": "ab-cdefgh"}})
    row = {**_JOB, "sealed": _SEALER.seal({"secrets": _SECRETS}), "joined": [joined]}
    job = {**row, "webhooks": [{"url": "https://a"}]}
    [own, made] = deliveries_for(_CHANGE, job, _SEALER, Allowance(STEPS))
    assert opened(made, _SEALER).url == "https://b/ab-cdefgh"
    assert _TOKEN.encode() not in opened(made, _SEALER).body
    [told] = deliveries_for(_CHANGE, job, _SEALER, Allowance(STEPS), joined)
    assert told.id == made.id != own.id


@pytest.mark.parametrize(
    ("url", "sent", "receiver"),
    [
        ("https://ci.example/x", "https://ci.example/x", "https://ci.example:443"),
        ("{{ secrets.hook }}", f"https://chat.example/{_TOKEN}", "https://chat.example:443"),
        ("http://{{ inputs.host }}:81/{{ job.id }}/", "http://ci.example:81/j/", None),
        ("https://x/{{ inputs.password }}?{{ job.State }}", "https://x/swordfish?RUNNING", None),
        ("https://x/{{ job.nope }}{{ job.error }}", "https://x/", None),
        ("https://x/{{ job.result }}", None, None),  # a blank: "made of [REDACTED]"
    ],
)
def test_a_url_is_evaluated_and_its_receiver_is_known(
    url: str, sent: str | None, receiver: str | None
) -> None:
    made = delivery(url=url)
    assert opened(made, _SEALER).url == (sent or "")
    assert receiver is None or made.receiver == receiver


@pytest.mark.parametrize(
    ("webhook", "reason"),
    [
        ({"url": "{{ secrets.nope }}"}, "url: is empty"),
        ({"url": "{{ secrets.token }}"}, "url: must be an http or https URL"),
        ({"url": "http://a/{{ secrets.lines }}"}, "url: .* without spaces and backslashes"),
        ({"url": "http://u:{{ secrets.token }}@h"}, "url: must not hold a user name or password"),
        ({"url": "http://{{ inputs.host }}..b"}, "url: must have a valid host name"),
        ({"url": "http://127.{{ 1 }}/"}, "url: must have a valid host name or IP address"),
        ({"url": "https://x/{{ repeat('a', 9000) }}"}, "url: must have at most 8000 bytes"),
        ({"url": "http://x/{{ int(secrets.token) }}"}, "url: .* hidden because it reads secrets"),
        ({"url": "http://x/{{ int(inputs.host) }}"}, "url: .*int"),
        ({"url": "not a url"}, "url: must be an http or https URL"),  # of a job from before
        ({"secret": "{{ secrets.token }}"}, "secret: must be whsec_ and the base64 of 24 to 64"),
        ({"secret": "{{ secrets.nope }}"}, "secret: must be whsec_ and the base64 of 24 to 64"),
        ({"headers": {"X": "{{ secrets.lines }}"}}, "headers.X: must not hold a line break"),
        ({"headers": {"X": "{{ int(secrets.token) }}"}}, "headers.X: .* hidden because"),
        ({"headers": {"X": "{{ int('x') }}"}}, "headers.X: .*int"),
        ({"headers": {"X": "{{ repeat('a', 9000) }}"}}, "headers.X: must have at most 8000 bytes"),
    ],
)
def test_what_can_not_be_sent_is_a_delivery_that_says_why(
    webhook: dict[str, Any], reason: str
) -> None:
    made = delivery(**{"url": "http://x", **webhook})
    with pytest.raises(Unsendable, match=f"^{reason}") as refused:
        headers_of(made, _SEALER)
    assert _TOKEN not in str(refused.value)
    assert made.receiver == ("?" if reason.startswith("url") else "http://x:80")


def test_headers_are_evaluated_and_ours_win() -> None:
    headers = {
        "Authorization": "Bearer {{ secrets.token }}",
        "X-What": " {{ job.name }} is {{ job.State }}{{ job.nope }}\n",
        "hOST": "evil",  # of a job from before they were refused
        "Webhook-Id": "1",
    }
    made = delivery(url="http://x", headers=headers)
    assert headers_of(made, _SEALER) == {
        "Authorization": f"Bearer {_TOKEN}",
        "X-What": "n is RUNNING",
        "Content-Type": "application/json; charset=UTF-8",
        "webhook-id": made.id,
        "conveyor-event": "job.StateChange",
        "conveyor-sequence": "3",
    }


@pytest.mark.parametrize(
    ("secret", "key"),
    [(None, OPERATORS), ("{{ secrets.signing }}", SIGNING), (f"{SIGNING}", SIGNING)],
)
def test_a_webhook_is_signed_by_its_own_secret_or_else_by_the_operators(
    secret: str | None, key: str
) -> None:
    made = delivery(url="http://x", secret=secret)
    assert SIGNING not in repr(made)
    keys = keys_of(made, _SEALER, [read_secret(OPERATORS)], _AT)
    assert keys == [read_secret(key)]


def test_an_endpoint_is_signed_by_each_of_its_secrets_that_has_not_ended() -> None:
    secrets = [new_secret() for _ in range(4)]
    ends = [None, _AT + timedelta(seconds=1), _AT, _AT - timedelta(days=1)]
    kept = [
        {"secret": _SEALER.seal_text(secret), "endsAt": end and end.isoformat()}
        for secret, end in zip(secrets, ends, strict=True)
    ]
    made = replace(delivery(url="http://x"), endpoint=Endpoint("e", secrets=kept))
    keys = keys_of(made, _SEALER, [read_secret(OPERATORS)], _AT)
    assert keys == [read_secret(secret) for secret in secrets[:2]]


def test_an_endpoint_gets_its_headers_and_no_sequence_of_what_is_no_job() -> None:
    kept = {"X-Key": _SEALER.seal_text("k")}
    made = replace(delivery(url="http://x"), job_id="", endpoint=Endpoint("e", kept))
    assert headers_of(made, _SEALER) == {
        "X-Key": "k",
        "Content-Type": "application/json; charset=UTF-8",
        "webhook-id": made.id,
        "conveyor-event": "job.StateChange",
    }


@pytest.mark.parametrize(
    ("webhook", "shown"),
    [
        ({}, {"id", "name", "state", "inputs", "event", "sequence"}),
        ({"payload": "thin"}, {"id", "state", "event", "sequence"}),
        ({"format": "standard"}, {"type", "timestamp", "data"}),
    ],
)
def test_a_webhook_gets_the_body_that_it_asks_for(webhook: dict[str, Any], shown: set[str]) -> None:
    body = orjson.loads(opened(delivery(url="http://x", **webhook), _SEALER).body)
    assert shown <= body.keys()
    assert "name" in shown or "name" not in body
