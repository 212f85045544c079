"""Whether a request may act on a job."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from services.coordinator.api.access.principal import UNRESTRICTED, remember
from services.coordinator.api.access.visibility import require_operable
from services.coordinator.api.errors import Forbidden, NotFound
from services.coordinator.api.requests import PORTS


async def require(*found: bool) -> None:
    """`found` is what the queries for the job answer, one after the other."""
    answers = iter(found)

    async def run(*_: object) -> bool:
        return next(answers)

    async def ask_again() -> Any:
        return UNRESTRICTED

    app = web.Application()
    app[PORTS] = cast("Any", SimpleNamespace(run=run))
    request = make_mocked_request("DELETE", "/jobs/1", app=app)
    remember(request, UNRESTRICTED, ask_again)
    await require_operable(request, "1")


@pytest.mark.parametrize(
    ("found", "error"), [([False, True], Forbidden), ([False, False], NotFound)]
)
async def test_a_job_that_one_may_not_act_on_is_refused_and_one_that_is_not_there_not_found(
    found: Sequence[bool], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await require(*found)


async def test_a_job_that_is_deleted_meanwhile_is_not_refused_as_one_to_view_only() -> None:
    await require(True, False)
