"""The headers of a webhook call: those the job asks for, evaluated, and ours."""

from collections.abc import Mapping
from typing import Any

import orjson

from services.webhook_dispatcher.store.deliveries import Delivery
from services.webhook_dispatcher.summaries import names_of_summary
from shared.expressions import render
from shared.process.sealing import Sealer


def headers_of(
    delivery: Delivery, source: Mapping[str, Any] | None, sealer: Sealer
) -> dict[str, str]:
    """Ours win over the job's. Raises ExpressionError, SealingError."""
    asked = (source or {}).get("headers") or {}
    names: dict[str, object] = {}
    if source is not None and asked:
        secrets = sealer.secrets_in(source["sealed"])
        job = {"id": source["id"], "name": source["name"]}
        summary = names_of_summary(orjson.loads(delivery.body), job)
        names = {**summary, "inputs": source["inputs"], "secrets": secrets}
    return {
        **{name: render(value, names) for name, value in asked.items()},
        "Content-Type": "application/json; charset=UTF-8",
        "webhook-id": delivery.id,
        "conveyor-sequence": str(delivery.version),
    }
