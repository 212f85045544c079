"""A client of S3. Its library is imported by the first: it takes 26 MB and 0.3 s."""

from asyncio import Lock, to_thread
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING

from shared.files.s3.access import Anonymous, Bucket, KeyFile, Keys
from shared.network.sockets import guarded_by

if TYPE_CHECKING:
    from aiobotocore.config import AioConfig
    from types_aiobotocore_s3 import S3Client

_CONNECT_SECONDS = 10
_READ_SECONDS = 60
_TRIES = 4


class LazyClient:
    """`close` it."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._stack = AsyncExitStack()
        self._opening = Lock()
        self._client: S3Client | None = None

    async def __call__(self) -> "S3Client":
        async with self._opening:
            client = self._client
            if client is None:
                opening = await to_thread(_prepared, self._bucket)
                client = self._client = await self._stack.enter_async_context(opening)
            return client

    async def close(self) -> None:
        await self._stack.aclose()


def _prepared(bucket: Bucket) -> "AbstractAsyncContextManager[S3Client]":
    """What opens the client; reads files."""
    from aiobotocore.session import get_session

    session = get_session()
    if isinstance(bucket.credentials, KeyFile):
        session.set_config_variable("credentials_file", str(bucket.credentials.path))
        session.set_config_variable("profile", bucket.credentials.profile)
    client: AbstractAsyncContextManager[S3Client] = session.create_client(
        "s3",
        region_name=bucket.region,
        endpoint_url=bucket.endpoint or None,
        config=_config(bucket),
        **_given_keys(bucket),
    )
    return client


def _given_keys(bucket: Bucket) -> dict[str, str | None]:
    if not isinstance(keys := bucket.credentials, Keys):
        return {}
    return {
        "aws_access_key_id": keys.access_key,
        "aws_secret_access_key": keys.secret_key,
        "aws_session_token": keys.session_token or None,
    }


def _config(bucket: Bucket) -> "AioConfig":
    from aiobotocore.config import AioConfig
    from botocore import UNSIGNED

    style = bucket.style if bucket.style != "auto" else "path" if bucket.endpoint else "virtual"
    connector = {"socket_factory": guarded_by(bucket.guard)} if bucket.guard else None
    return AioConfig(
        connector_args=connector,
        signature_version=UNSIGNED if isinstance(bucket.credentials, Anonymous) else "s3v4",
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        # Every server compares the SHA-256 that is signed with what arrives. The newer checksums
        # of AWS are not known to all that speak S3.
        s3={"addressing_style": style, "payload_signing_enabled": True},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
