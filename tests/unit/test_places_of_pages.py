"""Where a page of a list begins, as clients send it back."""

from datetime import UTC, datetime

import pytest

from services.coordinator.api.bacalhau.tokens import place_of, token_of
from services.coordinator.api.errors import BadRequest
from services.coordinator.api.requests import JobsQuery
from services.coordinator.store.job_list import Place

JOB = "0" * 32


def test_a_page_begins_after_a_time_in_utc() -> None:
    spelled, at = "2026-06-01T12:00:00+02:00", datetime(2026, 6, 1, 10, tzinfo=UTC)
    assert JobsQuery(after=f"{spelled},{JOB}").wanted().after == Place(at, JOB)
    assert place_of(token_of(spelled), datetime) == [at]


@pytest.mark.parametrize(
    "spelled",
    [
        "2026-06-01T12:00:00",
        "2026-02-30T12:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_a_page_does_not_begin_at_a_time_that_is_none_in_utc(spelled: str) -> None:
    with pytest.raises(BadRequest, match="after: "):
        JobsQuery(after=f"{spelled},{JOB}").wanted()
    with pytest.raises(BadRequest, match="next_token: "):
        place_of(token_of(spelled), datetime)
