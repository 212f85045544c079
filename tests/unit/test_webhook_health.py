"""When a webhook endpoint counts as failing, and when it is disabled."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.webhook_dispatcher.health import EndpointFailure, Health, after_failure
from services.webhook_dispatcher.settings import WebhookSettings

RULES = WebhookSettings().health_rules
START = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = EndpointFailure("answered 500", is_lasting=False)
AGAIN = replace(FIRST, is_lasting=True)
GONE = EndpointFailure("answered 410", is_lasting=True, is_gone=True)
FAILING = Health(START)
TOLD = Health(START, START + timedelta(minutes=10))
DISABLED = "no request has succeeded since 2026-01-01T00:00:00Z; the last error: answered 500"


@pytest.mark.parametrize(
    ("health", "failure", "minutes", "after"),
    [
        (Health(), FIRST, 0, FAILING),
        (Health(), AGAIN, 0, FAILING),
        (FAILING, AGAIN, 9, FAILING),
        (FAILING, FIRST, 10, FAILING),
        (FAILING, AGAIN, 10, TOLD),
        (TOLD, AGAIN, 60, TOLD),
        (TOLD, AGAIN, 5 * 24 * 60 - 1, TOLD),
        (TOLD, FIRST, 9 * 24 * 60, TOLD),
        (TOLD, AGAIN, 5 * 24 * 60, replace(TOLD, disabled_reason=DISABLED)),
        (Health(), GONE, 0, Health(START, None, "the receiver answered 410")),
    ],
)
def test_an_endpoint_is_announced_once_and_disabled_after_days_of_nothing_but_failures(
    health: Health, failure: EndpointFailure, minutes: int, after: Health
) -> None:
    assert after_failure(health, failure, RULES, START + timedelta(minutes=minutes)) == after
