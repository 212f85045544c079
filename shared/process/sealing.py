"""Sealing: secrets encrypted before they go into Postgres or a message, when a key is set.

Sealed text says by its prefix how it was made, so that what was stored before a key was set can
still be read after. Encryption is Fernet (AES-128-CBC with HMAC-SHA256). Its package is imported at
first use: a service without a key keeps 7 MB of memory for other things.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import orjson
from pydantic import SecretStr

if TYPE_CHECKING:
    from cryptography.fernet import Fernet, MultiFernet

ENCRYPTED = "fernet:"
_PLAIN = "plain:"
_TEXT = "sealed:"
_HASH = b"keyed-hash\0"
_NO_KEY = b"no key is set"
KEY_RULE = "a key is 32 bytes in URL-safe base64 (44 characters)"


class SealingError(Exception):
    """The text can't be unsealed with the keys that are set; the message says why."""


def generate_key() -> str:
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def check_keys(keys: SecretStr) -> SecretStr:
    """The comma-separated keys, unchanged. Raises ValueError if one can't be used."""
    for key in filter(None, keys.get_secret_value().split(",")):
        _fernet(key.strip())
    return keys


class Sealer:
    """Seals with the first key and unseals with any. Without a key it only marks text as plain."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        """Raises ValueError for a key that is not one."""
        self._fernet = _multi_fernet(keys) if keys else None
        self._hash_key = keys[0].encode() if keys else _NO_KEY

    @property
    def encrypts(self) -> bool:
        return self._fernet is not None

    def keyed_hash(self, text: str) -> str:
        """Which only who has the first key can find the text of by trying."""
        return hmac.digest(
            self._hash_key, _HASH + text.encode(errors="surrogatepass"), "sha256"
        ).hex()

    def seal(self, value: dict[str, object]) -> str:
        """`value` as one line of text; its keys are strings, its values JSON's."""
        clear = orjson.dumps(value)
        if self._fernet is None:
            return _PLAIN + clear.decode()
        return ENCRYPTED + self._fernet.encrypt(clear).decode()

    def unseal(self, text: str) -> dict[str, object]:
        """What was sealed. Raises SealingError."""
        try:
            value = orjson.loads(self._clear(text))
        except orjson.JSONDecodeError:
            raise SealingError("what was sealed is damaged: it is not JSON") from None
        if not isinstance(value, dict):
            raise SealingError("what was sealed is damaged: it is not an object")
        return value

    def seal_text(self, text: str) -> str:
        """`text` as it is kept: encrypted when a key is set, else as it is."""
        if self.encrypts or text.startswith(_TEXT):
            return _TEXT + self.seal({"text": text})
        return text

    def open_text(self, text: str) -> str:
        """What `seal_text` or `kept_text` was given. Raises SealingError."""
        if not text.startswith(_TEXT):
            return text
        return cast(str, self.unseal(text.removeprefix(_TEXT))["text"])

    def kept_text(self, text: str, *, is_secret: bool) -> str:
        """As `seal_text`, but what is not secret is kept in clear."""
        return self.seal_text(text) if is_secret or text.startswith(_TEXT) else text

    def opened(self, value: dict[str, object]) -> dict[str, object]:
        """A JSON object that is kept sealed, as {"sealed": text}, or as it is. Raises
        SealingError."""
        sealed = value.get("sealed")
        return self.unseal(sealed) if isinstance(sealed, str) else value

    def secrets_in(self, sealed: str | None) -> Mapping[str, str]:
        """A job's secrets by name, as sealed in its row; None: it has none. Raises SealingError."""
        if sealed is None:
            return {}
        return cast(dict[str, str], self.unseal(sealed)["secrets"])

    def _clear(self, text: str) -> bytes:
        if text.startswith(_PLAIN):
            return text.removeprefix(_PLAIN).encode()
        if not text.startswith(ENCRYPTED):
            raise SealingError("this is not a sealed text")
        if self._fernet is None:
            raise SealingError("it is encrypted, but no key is set (CONVEYOR_ENCRYPTION_KEY)")
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(text.removeprefix(ENCRYPTED).encode())
        except InvalidToken:
            raise SealingError(
                "none of the keys that are set (CONVEYOR_ENCRYPTION_KEY) decrypts it"
            ) from None


def is_sealed_text(value: object) -> bool:
    """It is as `seal_text` keeps what it seals: another text each time."""
    return isinstance(value, str) and value.startswith(_TEXT)


def _multi_fernet(keys: Sequence[str]) -> "MultiFernet":
    from cryptography.fernet import MultiFernet

    return MultiFernet([_fernet(key) for key in keys])


def _fernet(key: str) -> "Fernet":
    from cryptography.fernet import Fernet

    try:
        return Fernet(key)
    except ValueError:
        # The library's text describes base64 alone and could quote the key.
        raise ValueError(KEY_RULE) from None
