"""Signatures that any receiver of Standard Webhooks can check."""

import base64

import pytest

from services.webhook_dispatcher.requests import headers_of, read_secrets, signature
from services.webhook_dispatcher.store.deliveries import Delivery, HeaderSource
from shared.process.sealing import Sealer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
EXPECTED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_standards_own_example_gives_its_signature() -> None:
    keys = read_secrets(SECRET)
    assert signature(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY) == EXPECTED


def test_while_a_secret_is_replaced_each_call_carries_both_signatures() -> None:
    new = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    keys = read_secrets(f"{new}, {SECRET}")
    first, second = signature(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY).split(" ")
    assert second == EXPECTED
    assert first != second


@pytest.mark.parametrize("secret", ["secret", "whsec_short", "whsec_not base64!", "whsec_"])
def test_what_is_no_secret_is_refused_without_being_quoted(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and the base64 of 24 to 64") as refused:
        read_secrets(secret)
    assert "not base64!" not in str(refused.value)


def test_a_header_that_was_taken_before_it_was_reserved_is_not_sent() -> None:
    source = HeaderSource({"hOST": "evil", "Webhook-Id": "1", "X-A": "a"}, "j", {}, None)
    delivery = Delivery("d", "j", 7, 0, "http://x", b'{"jobId": "j"}', source=source)
    assert headers_of(delivery, Sealer([])) == {
        "X-A": "a",
        "Content-Type": "application/json; charset=UTF-8",
        "webhook-id": "d",
        "conveyor-sequence": "7",
    }
