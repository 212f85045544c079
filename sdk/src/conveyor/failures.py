"""What the failures of connections become: one error, with a reason that people understand."""

import os
import ssl
from collections.abc import Iterator

import httpx

from conveyor.errors import Unavailable


def unavailable(url: str, error: httpx.HTTPError) -> Unavailable:
    if isinstance(error, httpx.ConnectError):  # nobody listens, or there is no such host
        return Unavailable(f"can't reach {url}: {_reason(error)}", is_away=True)
    if isinstance(error, httpx.TimeoutException):
        has_begun = not isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout)
        return Unavailable(f"{url} does not answer", may_have_happened=has_begun)
    why = str(error) or type(error).__name__
    return Unavailable(f"the connection to {url} failed: {why}", may_have_happened=True)


def _reason(error: httpx.ConnectError) -> str:
    """The system's own words, which libraries put theirs over."""
    for cause in _causes(error):
        # OpenSSL's numbers are its own: the system would call a bad certificate a lack of rights.
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate can't be trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "it doesn't speak TLS, which https:// asks for"
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
    return str(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    inner = [error.__cause__ or error.__context__, *getattr(error, "exceptions", ())]
    for each in filter(None, inner):
        yield each
        yield from _causes(each)
