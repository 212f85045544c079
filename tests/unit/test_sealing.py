"""Sealing: what can be read back, with which key."""

import pytest
from structlog.testing import capture_logs

from services.coordinator.startup_warnings import warn_of_unencrypted_secrets
from shared.process.sealing import Sealer, SealingError, generate_key

SECRETS: dict[str, object] = {"password": "hunter2", "nested": {"n": 1}, "umlaut": "ä"}


def test_what_was_sealed_is_unreadable_without_the_key_and_comes_back_with_it() -> None:
    sealer = Sealer([generate_key()])
    sealed = sealer.seal(SECRETS)
    assert "hunter2" not in sealed
    assert sealer.unseal(sealed) == SECRETS


def test_without_a_key_text_is_stored_in_clear_and_still_read_once_a_key_is_set() -> None:
    stored = Sealer().seal(SECRETS)
    assert "hunter2" in stored
    assert Sealer([generate_key()]).unseal(stored) == SECRETS


def test_after_a_change_of_keys_the_old_one_still_unseals_and_the_new_one_seals() -> None:
    old, new = generate_key(), generate_key()
    rotated = Sealer([new, old])
    assert rotated.unseal(Sealer([old]).seal(SECRETS)) == SECRETS
    assert Sealer([new]).unseal(rotated.seal(SECRETS)) == SECRETS


@pytest.mark.parametrize(
    ("sealer", "text", "reason"),
    [
        (Sealer(), Sealer([generate_key()]).seal(SECRETS), "no key is set"),
        (Sealer([generate_key()]), Sealer([generate_key()]).seal(SECRETS), "none of the keys"),
        (Sealer([generate_key()]), "fernet:damaged", "none of the keys"),
        (Sealer(), "hunter2", "not a sealed text"),
        (Sealer(), "plain:{", "not JSON"),
        (Sealer(), "plain:[]", "not an object"),
    ],
)
def test_what_cannot_be_unsealed_says_why_and_shows_nothing(
    sealer: Sealer, text: str, reason: str
) -> None:
    with pytest.raises(SealingError, match=reason) as caught:
        sealer.unseal(text)
    assert "hunter2" not in str(caught.value)


def test_a_key_that_is_none_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="32 bytes in URL-safe base64") as caught:
        Sealer(["hunter2"])
    assert "hunter2" not in str(caught.value)


def test_a_coordinator_says_at_its_start_that_it_would_store_secrets_in_clear() -> None:
    with capture_logs() as lines:
        warn_of_unencrypted_secrets(Sealer([generate_key()]))
        assert lines == []
        warn_of_unencrypted_secrets(Sealer())
    assert [line["to_do"] for line in lines] == ["set CONVEYOR_ENCRYPTION_KEY"]
