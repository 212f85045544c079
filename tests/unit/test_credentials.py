"""Passwords and keys: what is stored gives nothing away, and comparing takes the same time."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest

from services.coordinator import credentials
from services.coordinator.credentials import PasswordCheck

PASSWORD = "correct horse"


REAL_COST = credentials._COST


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real cost of a hash is tried once, not by every test."""
    monkeypatch.setattr(credentials, "_COST", 2)


class Counted:
    """Counts the calls of what it stands in for."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self._real = real
        self.calls = 0

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        return self._real(*arguments)


def test_a_password_is_stored_as_a_salted_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_COST", REAL_COST)
    one, other = credentials.hash_password(PASSWORD), credentials.hash_password(PASSWORD)
    assert one != other
    assert one.startswith("scrypt$16384$8$5$")
    assert PASSWORD not in one
    assert credentials.is_password(PASSWORD, one)
    assert not credentials.is_password("correct horsf", one)


def test_a_password_may_hold_any_text() -> None:
    for text in ("pässwörd", "a:b", "\x00", "x" * 1024):
        assert credentials.is_password(text, credentials.hash_password(text))


def test_passwords_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compare = Counted(hmac.compare_digest)
    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert not credentials.is_password("x", credentials.hash_password(PASSWORD))
    assert compare.calls == 1


def test_keys_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compare = Counted(hmac.compare_digest)
    monkeypatch.setattr(hmac, "compare_digest", compare)
    key = credentials.new_key()
    assert credentials.is_key(key.text, key.digest)
    assert not credentials.is_key(key.text[:-1] + "~", key.digest)
    assert compare.calls == 2


def test_a_key_has_256_bits_and_says_what_it_is() -> None:
    keys = {credentials.new_key().text for _ in range(100)}
    assert len(keys) == 100
    for text in keys:
        prefix, key_id, secret = text.split("_", 2)
        assert (prefix, len(key_id), len(secret)) == ("cvk", 16, 43)
        assert credentials.id_of(text) == key_id


def test_only_the_digest_of_a_key_is_for_the_store() -> None:
    key = credentials.new_key()
    assert key.digest == hashlib.sha256(key.text.encode()).digest()
    assert key.text not in repr(key)


def test_what_is_no_key_has_no_id() -> None:
    for text in ("", "cvk_", "cvk_0123456789abcdef_short", "Bearer x", "\udcff"):
        assert credentials.id_of(text) is None
        assert not credentials.is_key(text, credentials.new_key().digest)


async def test_a_right_password_is_hashed_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Counted(credentials.is_password)
    monkeypatch.setattr(credentials, "is_password", slow)
    check, stored = PasswordCheck(), credentials.hash_password(PASSWORD)
    assert [await check.fits(PASSWORD, stored) for _ in range(5)] == [True] * 5
    assert slow.calls == 1
    assert not await check.fits("wrong", stored)
    assert not await check.fits("wrong", stored)
    assert slow.calls == 3


async def test_a_changed_password_is_checked_anew() -> None:
    check = PasswordCheck()
    assert await check.fits(PASSWORD, credentials.hash_password(PASSWORD))
    assert not await check.fits(PASSWORD, credentials.hash_password("another"))


async def test_an_unknown_user_takes_as_long_as_a_wrong_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = Counted(credentials.is_password)
    monkeypatch.setattr(credentials, "is_password", slow)
    check = PasswordCheck()
    assert not await check.fits(PASSWORD, None)
    assert not await check.fits(PASSWORD, None)
    assert slow.calls == 2


async def test_no_password_is_kept_in_memory() -> None:
    check = PasswordCheck()
    await check.fits(PASSWORD, credentials.hash_password(PASSWORD))
    assert PASSWORD not in repr(vars(check))
    assert PASSWORD.encode() not in b"".join(check._right)
