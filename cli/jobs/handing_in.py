"""Handing a job in, for good: what broke off on the way is sent again, and is made once."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

from cli.api.errors import ApiUnavailable
from cli.api.session import Body, Json
from cli.follow.patience import Patience

_PATIENCE_SECONDS = 30.0

Post = Callable[[Body], Awaitable[Json]]


async def hand_in(post: Post, body: Body) -> Json:
    """The answer. Without an idempotency key of the caller's, `body` gets one.

    Raises ApiRejected; ApiUnavailable at once when the API was not reached or said so itself, and
    after some time when connections break off.
    """
    keyed = replace(body, idempotency_key=body.idempotency_key or uuid.uuid4().hex)
    patience = Patience(_PATIENCE_SECONDS)
    may_be_made = False
    while True:
        try:
            return await post(keyed)
        except ApiUnavailable as error:
            # Once it may have been made, only an answer tells: also while the API starts again.
            may_be_made |= error.is_cut_off
            if not may_be_made:
                raise
            await patience.bear(error)
