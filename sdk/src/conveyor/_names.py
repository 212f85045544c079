"""What `conveyor` offers, for `import conveyor` to load at first use."""

from conveyor._async.client import AsyncClient
from conveyor._sync.client import Client
from conveyor.errors import (
    Conflict,
    ConveyorError,
    Damaged,
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
from conveyor.http import FINAL_STATES, Content, Retries, Server
from conveyor.signatures import verify
from conveyor.streams import Event

__all__ = [
    "FINAL_STATES",
    "AsyncClient",
    "Client",
    "Conflict",
    "Content",
    "ConveyorError",
    "Damaged",
    "Event",
    "Forbidden",
    "Invalid",
    "InvalidSignature",
    "NotFinal",
    "NotFound",
    "Rejected",
    "Retries",
    "Server",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "verify",
]
