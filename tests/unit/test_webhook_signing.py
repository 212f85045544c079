"""Signatures that any receiver of Standard Webhooks can check."""

import base64

import pytest

from shared.process.signing import (
    BadSignature,
    check_signature,
    new_secret,
    read_secret,
    read_secrets,
    signature,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
EXPECTED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
SIGNED_AT = 1614265330
SIGNED = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(SIGNED_AT),
    "webhook-signature": EXPECTED,
}


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


@pytest.mark.parametrize("given", [EXPECTED, f"v1,AAAA {EXPECTED}", f"v1a,\udcff {EXPECTED} v2,x"])
@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_receiver_takes_what_one_of_the_signatures_proves(given: str, seconds: int) -> None:
    headers = {**SIGNED, "webhook-signature": given}
    check_signature(read_secret(SECRET), headers, BODY, SIGNED_AT + seconds)


@pytest.mark.parametrize(
    ("changed", "body", "seconds", "why"),
    [
        ({"webhook-id": "msg_2"}, BODY, 0, "no signature by this secret"),
        ({}, BODY + b" ", 0, "no signature by this secret"),
        ({"webhook-signature": "v1,AAAA"}, BODY, 0, "no signature by this secret"),
        ({"webhook-signature": EXPECTED[3:]}, BODY, 0, "no signature by this secret"),
        ({"webhook-timestamp": "9" * 5000}, BODY, 0, "webhook-timestamp is not a number"),
        ({"webhook-timestamp": "٣"}, BODY, 0, "webhook-timestamp is not a number"),
        ({}, BODY, 301, "signed 301 s before or after this time"),
        ({}, BODY, -301, "signed 301 s before or after this time"),
    ],
)
def test_a_receiver_refuses_what_the_secret_did_not_sign_lately(
    changed: dict[str, str], body: bytes, seconds: int, why: str
) -> None:
    with pytest.raises(BadSignature, match=why):
        check_signature(read_secret(SECRET), SIGNED | changed, body, SIGNED_AT + seconds)


@pytest.mark.parametrize("name", SIGNED)
def test_a_receiver_refuses_a_request_without_the_headers_of_a_signature(name: str) -> None:
    headers = {header: value for header, value in SIGNED.items() if header != name}
    with pytest.raises(BadSignature, match=f"no header {name}"):
        check_signature(read_secret(SECRET), headers, BODY, SIGNED_AT)


def test_a_new_secret_is_one_and_never_the_same() -> None:
    assert len(read_secret(new_secret())) == 32
    assert new_secret() != new_secret()
