"""Submits a job: when the connection breaks it is sent again, and created once."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

from cli.api.session import ApiUnavailable, Body, Json
from cli.follow.patience import Patience

_PATIENCE_SECONDS = 30.0

Post = Callable[[Body], Awaitable[Json]]


async def submit_with_retry(post: Post, body: Body) -> Json:
    """The response. `body` gets an idempotency key unless the caller has set one.

    Raises ApiRejected; ApiUnavailable at once when the API was not reached or says so itself, and
    after some time when connections break.
    """
    keyed = replace(body, idempotency_key=body.idempotency_key or uuid.uuid4().hex)
    patience = Patience(_PATIENCE_SECONDS)
    may_exist = False
    while True:
        try:
            return await post(keyed)
        except ApiUnavailable as error:
            # Once it may exist, only a response tells: also while the API restarts.
            may_exist |= error.is_cut_off
            if not may_exist:
                raise
            await patience.bear(error)
