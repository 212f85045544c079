"""What `conveyor` offers, for `import conveyor` to load at first use."""

from conveyor._async.client import FINAL_STATES, AsyncClient
from conveyor._sync.client import Client
from conveyor.errors import (
    Conflict,
    ConveyorError,
    Forbidden,
    Invalid,
    InvalidSignature,
    NotFinal,
    NotFound,
    Rejected,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
)
from conveyor.http import Retries
from conveyor.signatures import verify
from conveyor.streams import Event

__all__ = [
    "FINAL_STATES",
    "AsyncClient",
    "Client",
    "Conflict",
    "ConveyorError",
    "Event",
    "Forbidden",
    "Invalid",
    "InvalidSignature",
    "NotFinal",
    "NotFound",
    "Rejected",
    "Retries",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "verify",
]
