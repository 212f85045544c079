"""What travels between the services, and the queues it travels on."""

from shared.messages.codec import UndecodableMessage, decode, encode
from shared.messages.models import (
    PARTS_PER_DISPATCH,
    Change,
    Claim,
    Finished,
    Heartbeat,
    LogPart,
    Message,
    Orders,
    ParentRef,
    ProgressReport,
    Refusal,
    Reports,
    Returned,
    RunTask,
    StillHeld,
    StopOrder,
    SubJobAbandon,
    SubJobEnd,
    SubJobResume,
    SubJobSignals,
    TaskRef,
    Telemetry,
    WebhooksDue,
)
