"""Errors of the client of S3 as those of files."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from conveyor.extensions.files import (
    FilesError,
    ObjectMismatch,
    ObjectMissing,
    ObjectRefused,
    StoreUnavailable,
)
from shared.network.sockets import guard_refusal

_MISSING = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}
_MISMATCHES = {"BadDigest", "XAmzContentSHA256Mismatch", "PreconditionFailed", "412"}
_TEMPORARY = {"NoSuchUpload", "RequestTimeout", "RequestTimeTooSkewed", "SlowDown", "429", "408"}


@asynccontextmanager
async def translated(name: str) -> AsyncIterator[None]:
    import aiohttp
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    try:
        yield
    except exceptions.ClientError as error:
        raise _of_answer(name, error.response) from error
    except (
        exceptions.ConnectionError,
        exceptions.HTTPClientError,
        exceptions.IncompleteReadError,
    ) as error:
        raise _of_connection(name, error) from error
    except exceptions.BotoCoreError as error:  # no keys, a bad region: before anything was sent
        raise ObjectRefused(f"{name!r}: {error}") from error
    except (ResponseParserError, KeyError) as error:  # another server, or a proxy before it
        raise StoreUnavailable(f"{name!r}: the answer is not one of S3") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise StoreUnavailable(f"{name!r}: {error or type(error).__name__}") from error


def _of_answer(name: str, answer: Mapping[str, Any]) -> FilesError:
    code = str(answer.get("Error", {}).get("Code", ""))
    text = f"{name!r}: {code} {answer.get('Error', {}).get('Message', '')}".rstrip()
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    if code in _MISSING:
        return ObjectMissing(name)
    if code in _MISMATCHES:
        return ObjectMismatch(text)
    if code in _TEMPORARY or status >= 500 or status < 300:
        return StoreUnavailable(text)
    return ObjectRefused(text)


def _of_connection(name: str, error: Exception) -> FilesError:
    if refusal := guard_refusal(getattr(error, "kwargs", {}).get("error", error)):
        return ObjectRefused(f"{name!r}: {refusal}")
    return StoreUnavailable(f"{name!r}: {error}")
