"""What a webhook is sent: the summary as it was at the change, in the API's wire form, under the
headers that the job asks for, evaluated, and ours."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import orjson
import structlog

from services.webhook_dispatcher.bodies import FULL, TORK, Event
from services.webhook_dispatcher.store.deliveries import Delivery, HeaderSource
from services.webhook_dispatcher.summaries import job_now, names_of_summary, summary_of
from shared.definition import Webhook, decode_webhooks
from shared.expressions import ExpressionError, TextMap, as_template, render, render_value
from shared.jobspec.headers import check_header_value, is_reserved
from shared.lifecycle import derived_id
from shared.messages import Change
from shared.planning.disclosure import redacting_known
from shared.planning.secrets import all_inputs
from shared.process.sealing import Sealer

log = structlog.get_logger(__name__)

JOB_STATE = "job.StateChange"
_EVENTS = {
    (False, False): JOB_STATE,
    (False, True): "job.Progress",
    (True, False): "task.StateChange",
    (True, True): "task.Progress",
}
"""By whether a task changed, and whether its progress alone did."""


class JobEvent:
    """A change of a job or of one of its tasks, as webhooks hear of it. What is costly is made when
    it is first asked for, and once."""

    def __init__(self, change: Change, job: Mapping[str, Any], sealer: Sealer) -> None:
        """`job` is its row."""
        self.name = _EVENTS[change.task_id is not None, change.is_progress]
        self._change = change
        self._job = job
        self._sealer = sealer

    @cached_property
    def names(self) -> Mapping[str, object]:
        """What conditions read, secrets included. Raises SealingError."""
        return names_of_summary(self._summary, job_now(self._job))

    def body(self, format_: str, payload: str) -> bytes:
        """As it is kept: see `Event.body`. Raises SealingError."""
        body = self._event.body(format_, payload).decode()
        return self._sealer.kept_text(body, is_secret=bool(self._secrets)).encode()

    @cached_property
    def _event(self) -> Event:
        shown = redacting_known(self._sealer, self._secrets).value(self._summary)
        return Event(self.name, self._change.version, self._change.at, shown)

    @cached_property
    def _secrets(self) -> Mapping[str, str]:
        return self._sealer.secrets_in(self._job["sealed"])

    @cached_property
    def _summary(self) -> dict[str, object]:
        change = self._change
        if change.result is not None:
            change = change.model_copy(update={"result": self._sealer.open_text(change.result)})
        return summary_of(change, self._job)


def deliveries_for(change: Change, job: Mapping[str, Any], sealer: Sealer) -> Iterator[Delivery]:
    """The calls that `change` owes to the webhooks of `job` (a row). Raises SealingError."""
    event = JobEvent(change, job, sealer)
    for place, webhook in enumerate(decode_webhooks(job["webhooks"])):
        if (webhook.event or JOB_STATE) != event.name:
            continue
        condition = webhook.condition and sealer.open_text(webhook.condition)
        if condition and not is_wanted(condition, event.names):
            continue
        yield Delivery(
            id=derived_id("webhook", change.job_id, change.version, place),
            job_id=change.job_id,
            version=change.version,
            webhook=place,
            url=webhook.url,
            body=event.body(TORK, FULL),
            source=_header_source(webhook, job),
            event=event.name,
        )


def opened(delivery: Delivery, sealer: Sealer) -> Delivery:
    """As it is sent. Raises SealingError."""
    open_text = sealer.open_text
    source = delivery.source
    if source is not None:
        headers = {name: open_text(value) for name, value in source.headers.items()}
        source = replace(source, headers=headers)
    body = open_text(delivery.body.decode()).encode()
    return replace(delivery, url=open_text(delivery.url), body=body, source=source)


def _header_source(webhook: Webhook, job: Mapping[str, Any]) -> HeaderSource | None:
    headers = webhook.headers
    return HeaderSource(headers, job["name"], job["inputs"], job["sealed"]) if headers else None


def is_wanted(condition: str, names: Mapping[str, object]) -> bool:
    """Whether a webhook's `if` lets this through; one that fails does not, as it can't be true."""
    try:
        return render_value(as_template(condition), names) in (True, "true")
    except ExpressionError as error:
        log.warning("webhook_condition_failed", condition=condition, error=str(error))
        return False


class InvalidHeader(ValueError):
    """A header that HTTP can't carry."""


def _sendable(name: str, value: str) -> str:
    """Blanks and line ends around a value mean nothing in HTTP. Raises InvalidHeader."""
    try:
        return check_header_value(value.strip())
    except ValueError as error:
        raise InvalidHeader(f"{name}: {error}") from None


def headers_of(delivery: Delivery, sealer: Sealer) -> dict[str, str]:
    """Ours win over the job's. Raises ExpressionError, InvalidHeader, SealingError."""
    asked: dict[str, str] = {}
    if (source := delivery.source) is not None:
        job = {"id": delivery.job_id, "name": source.job_name}
        summary = names_of_summary(orjson.loads(delivery.body), job)
        secrets = sealer.secrets_in(source.sealed)
        names = {
            **summary,
            "inputs": TextMap(all_inputs(source.inputs, secrets)),
            "secrets": TextMap(secrets),
            "tasks": TextMap(),
        }
        asked = {
            name: _sendable(name, render(value, names, nil=""))
            for name, value in source.headers.items()
            if not is_reserved(name)  # of a job from before they were refused
        }
    return {
        **asked,
        "Content-Type": "application/json; charset=UTF-8",
        "webhook-id": delivery.id,
        "conveyor-event": delivery.event,
        "conveyor-sequence": str(delivery.version),
    }
