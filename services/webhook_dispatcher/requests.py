"""What a webhook is sent: the summary as it was at the change, in the API's wire form, under the
headers that the job asks for, evaluated, and ours."""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, cast

import structlog

from services.webhook_dispatcher.bodies import Event
from services.webhook_dispatcher.store.deliveries import Delivery
from services.webhook_dispatcher.summaries import (
    UNSET_NAMES,
    job_now,
    names_of_summary,
    phase_of_change,
    phase_summary,
    summary_of,
)
from services.webhook_dispatcher.targets import Target, Unsendable, target_of
from shared.definition import Webhook, decode_webhooks
from shared.expressions import Allowance, ExpressionError, TextMap, as_template, render_value
from shared.jobspec.bytenite.phases import Phase
from shared.jobspec.event_fields import PHASE_CHANGE
from shared.jobspec.urls import receiver_of
from shared.lifecycle import derived_id
from shared.messages import Change
from shared.planning.disclosure import Redacting, opened_webhook, redacting_known
from shared.planning.secrets import all_inputs, hidden_values, with_derived
from shared.process.sealing import Sealer, SealingError
from shared.process.signing import read_secret

_NO_RECEIVER = "?"
"""Of what can't be called: it ends at once."""

log = structlog.get_logger(__name__)

JOB_STATE = "job.StateChange"
EVENTS = {
    (False, False): JOB_STATE,
    (False, True): "job.Progress",
    (True, False): "task.StateChange",
    (True, True): "task.Progress",
}
"""By whether a task changed, and whether its progress alone did."""
PHASE = PHASE_CHANGE
"""Told beside the change that begins one."""


class JobEvent:
    """A change of a job or of one of its tasks, as webhooks hear of it. What is costly is made when
    it is first asked for, and once."""

    def __init__(
        self,
        change: Change,
        job: Mapping[str, Any],
        sealer: Sealer,
        phase: Phase | None = None,
        *,
        is_of_phase: bool = False,
    ) -> None:
        """`job` is its row, `phase` that in which the change leaves it."""
        self.name = PHASE if is_of_phase else EVENTS[change.task_id is not None, change.is_progress]
        self._phase = phase
        self._change = change
        self._job = job
        self._sealer = sealer

    @cached_property
    def names(self) -> Mapping[str, object]:
        """What conditions read, secrets included. Raises SealingError."""
        return names_of_summary(self._summary, job_now(self._job))

    @cached_property
    def sending_names(self) -> Mapping[str, object]:
        """What is read where the request goes: of job and task no more than its body shows. Raises
        SealingError."""
        shown_job = self._redacting.value(job_now(self._job))
        return {
            **names_of_summary(self._event.data, shown_job),
            "inputs": TextMap(all_inputs(self._job["inputs"], self.secrets)),
            "secrets": TextMap(self.secrets),
            "tasks": TextMap(),
        }

    @cached_property
    def shown_names(self) -> Mapping[str, object]:
        """What filters of endpoints read, without secrets. Raises SealingError."""
        is_of_task = self._change.task_id is not None and self.name != PHASE
        job = self._redacting.value(job_now(self._job)) if is_of_task else {}
        about = names_of_summary(self._event.data, job)
        return {**UNSET_NAMES, "event": self.name, **about}

    @cached_property
    def secrets(self) -> Mapping[str, str]:
        """Raises SealingError."""
        return self._sealer.secrets_in(self._job["sealed"])

    def body(self, format_: str, payload: str) -> bytes:
        """As it is kept: see `Event.body`. Raises SealingError."""
        body = self._event.body(format_, payload).decode()
        return self._sealer.kept_text(body, is_secret=bool(self.secrets)).encode()

    @cached_property
    def _event(self) -> Event:
        shown = self._redacting.value(self._summary)
        return Event(self.name, self._change.version, self._change.at, shown)

    @cached_property
    def _redacting(self) -> Redacting:
        return redacting_known(self._sealer, self.secrets)

    @cached_property
    def _summary(self) -> dict[str, object]:
        change = self._change
        if change.result is not None:
            change = change.model_copy(update={"result": self._sealer.open_text(change.result)})
        if self.name == PHASE:
            return phase_summary(change, self._job, self._phase)
        summary = summary_of(change, self._job)
        return (
            summary if self._phase is None or change.task_id else summary | {"phase": self._phase}
        )


def job_events(change: Change, job: Mapping[str, Any], sealer: Sealer) -> Iterator[JobEvent]:
    """The change, and the phase that it begins, if the job has phases."""
    phase = phase_of_change(change) if job["has_phases"] else None
    yield JobEvent(change, job, sealer, phase)
    if phase is not None:
        yield JobEvent(change, job, sealer, phase, is_of_phase=True)


def delivery_id(change: Change, event: str, to: str | int) -> str:
    """A job that is released and one whose first task is on its queue have both started: that is
    told once."""
    if event != PHASE:
        return derived_id("webhook", change.job_id, change.version, to)
    is_start = (
        change.task_id is None and change.state in ("PENDING", "SCHEDULED") and change.version
    )
    when = Phase.STARTED if is_start else change.version
    return derived_id("phase", change.job_id, when, to)


def deliveries_for(
    change: Change,
    job: Mapping[str, Any],
    sealer: Sealer,
    allowance: Allowance,
    only_submission: Mapping[str, Any] | None = None,
) -> Iterator[Delivery]:
    """The calls that `change` owes to the webhooks of `job` (a row) and of the submissions that
    have joined it, or only to those of `only_submission`. An expression that
    `allowance` is not enough for fails as any other. Raises SealingError."""
    places = itertools.count()
    submissions = [only_submission] if only_submission else [None, *(job.get("joined") or ())]
    for submission in submissions:
        of_submission = as_submission(job, submission, sealer) if submission else job
        id_ = submission["id"] if submission else None
        yield from _deliveries(change, of_submission, sealer, allowance, places, id_)


def as_submission(
    job: Mapping[str, Any], submission: Mapping[str, Any], sealer: Sealer
) -> Mapping[str, Any]:
    """The row of `job` with the webhooks and the secrets of `submission`; what the job hides stays
    hidden. Raises SealingError."""
    own, hidden = submission["sealed"], hidden_values(sealer.secrets_in(job["sealed"]))
    secrets = with_derived(sealer.secrets_in(own), hidden)
    sealed = sealer.seal({"secrets": dict(secrets)}) if secrets else None
    return {**job, "webhooks": submission["webhooks"], "sealed": sealed}


def _deliveries(
    change: Change,
    job: Mapping[str, Any],
    sealer: Sealer,
    allowance: Allowance,
    places: Iterator[int],
    submission_id: str | None,
) -> Iterator[Delivery]:
    events = {event.name: event for event in job_events(change, job, sealer)}
    webhooks = zip(decode_webhooks(job["webhooks"]), places, strict=False)
    for number, (kept, place) in enumerate(webhooks):
        event = events.get(kept.event or JOB_STATE)
        if event is None:
            continue
        webhook = opened_webhook(sealer, kept)
        if webhook.condition and not is_wanted(webhook.condition, event.names, allowance):
            continue
        yield Delivery(
            id=delivery_id(
                change, event.name, f"{submission_id} {number}" if submission_id else place
            ),
            job_id=change.job_id,
            version=change.version,
            webhook=place,
            body=event.body(webhook.format, webhook.payload),
            event=event.name,
            owner=job["owner"],
            **_addressed(webhook, event, sealer, allowance),
        )


def _addressed(
    webhook: Webhook, event: JobEvent, sealer: Sealer, allowance: Allowance
) -> dict[str, Any]:
    """Of a delivery; one that can't be sent is made as well, and its attempt says why."""
    target = target_of(webhook, event, allowance)
    return {
        "url": sealer.seal_text(target.url),
        "receiver": receiver_of(target.url) or _NO_RECEIVER,
        "sealed": _sealed(target, event.secrets, sealer),
    }


def _sealed(target: Target, secrets: Mapping[str, str], sealer: Sealer) -> str | None:
    if target.error:
        return sealer.seal({"error": target.error})
    sent = (target.url, *target.headers.values())
    hidden = [
        one
        for one in hidden_values(secrets)
        if one.strip() and any(one.strip() in text for text in sent)
    ]
    if not (target.headers or target.secret or hidden):
        return None
    kept: dict[str, object] = {"headers": target.headers, "hidden": hidden, "secret": target.secret}
    return sealer.seal(kept)


def receiver_of_stored(url: str, sealer: Sealer) -> str:
    """Whom a URL calls, as it is stored."""
    try:
        return receiver_of(sealer.open_text(url)) or _NO_RECEIVER
    except SealingError:  # told by the call
        return _NO_RECEIVER


def opened(delivery: Delivery, sealer: Sealer) -> Delivery:
    """As it is sent. Raises SealingError."""
    body = sealer.open_text(delivery.body.decode()).encode()
    return replace(delivery, url=sealer.open_text(delivery.url), body=body)


def is_wanted(condition: str, names: Mapping[str, object], allowance: Allowance) -> bool:
    """Whether a webhook's `if` lets this through; one that fails does not, as it can't be true."""
    try:
        return render_value(as_template(condition), names, allowance) in (True, "true")
    except ExpressionError as error:
        log.warning("webhook_condition_failed", condition=condition, error=str(error))
        return False


def secrets_in(delivery: Delivery, sealer: Sealer) -> Collection[str]:
    """Those of the job that its URL or headers were made of."""
    try:
        kept = sealer.unseal(delivery.sealed) if delivery.sealed else {}
    except SealingError:  # then nothing was sent
        return ()
    return cast(list[str], kept.get("hidden", []))


def headers_of(delivery: Delivery, sealer: Sealer) -> dict[str, str]:
    """Ours win over those that were asked for. Raises Unsendable, SealingError."""
    kept = sealer.unseal(delivery.sealed) if delivery.sealed else {}
    if error := kept.get("error"):
        raise Unsendable(error)
    asked = cast(dict[str, str], kept.get("headers", {}))
    if endpoint := delivery.endpoint:
        asked = {name: sealer.open_text(value) for name, value in endpoint.headers.items()}
    sequence = {"conveyor-sequence": str(delivery.version)} if delivery.job_id else {}
    return {
        **asked,
        "Content-Type": "application/json; charset=UTF-8",
        "webhook-id": delivery.id,
        "conveyor-event": delivery.event,
        **sequence,
    }


def keys_of(
    delivery: Delivery, sealer: Sealer, default: Sequence[bytes], now: datetime
) -> Sequence[bytes]:
    """What signs it: `default` is for webhooks of jobs that have no secret. Raises SealingError."""
    if endpoint := delivery.endpoint:
        lasting = [one["secret"] for one in endpoint.secrets if _is_valid(one["endsAt"], now)]
        return [read_secret(sealer.open_text(secret)) for secret in lasting]
    secret = sealer.unseal(delivery.sealed).get("secret") if delivery.sealed else None
    return [read_secret(str(secret))] if secret else default


def _is_valid(ends_at: str | None, now: datetime) -> bool:
    return ends_at is None or now < datetime.fromisoformat(ends_at)
