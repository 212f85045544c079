"""Whether what receivers are sent is what the OpenAPI document says of it, and nothing more."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import jsonschema_rs
import orjson

from services.coordinator.api.openapi import openapi_document
from services.coordinator.api.routes import ROUTES
from services.coordinator.api.webhooks.sent_bodies import SENT_EVENTS
from services.webhook_dispatcher.happenings import of_notice
from services.webhook_dispatcher.store.notices import StoredNotice


def expect_described(event: str, body: dict[str, Any]) -> None:
    """`body` in the form that it has, by the schema of `event`."""
    _validators()[event, "data" in body].validate(body)


def expect_notice_described(event: str, data: dict[str, Any]) -> None:
    """In each format."""
    stored = StoredNotice(
        id=1, event=event, data=data, readers=(), endpoint_id=None, at=datetime.now(UTC)
    )
    told = of_notice(stored).told
    for format_ in ("tork", "standard"):
        for payload in ("full", "thin"):
            expect_described(event, orjson.loads(told.body(format_, payload)))


@cache
def _validators() -> dict[tuple[str, bool], jsonschema_rs.Validator]:
    """By event and whether the format is that of Standard Webhooks."""
    document = openapi_document(ROUTES, SENT_EVENTS)
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return {
        (name, is_standard): _validator(_forms(hook, is_standard), schemas)
        for name, hook in document["webhooks"].items()
        for is_standard in (False, True)
    }


def _forms(hook: dict[str, Any], is_standard: bool) -> list[dict[str, str]]:
    content = hook["post"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    return [form for form in content if ("Standard" in form["$ref"]) == is_standard]


def _validator(forms: list[dict[str, str]], schemas: dict[str, Any]) -> jsonschema_rs.Validator:
    schema = {"anyOf": forms, "components": {"schemas": schemas}}
    return jsonschema_rs.validator_for(schema, validate_formats=True)
