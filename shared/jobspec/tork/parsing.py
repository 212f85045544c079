"""From the bytes of a request to a checked job.

JSON is strict: a number where text is due is refused. YAML values without quotes are text where
text is due, exactly as they were spelled (see `plain_scalar`).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import NamedTuple, TypeVar, cast

from pydantic import ValidationError

from shared.jobspec.clean_text import refuse_unkeepable
from shared.jobspec.entries import Findings
from shared.jobspec.json_body import load_json, load_json_as_yaml
from shared.jobspec.merge_patch import merged, with_hidden
from shared.jobspec.places import Finder, located, places_in_json, places_in_yaml
from shared.jobspec.problems import InvalidJob, Problem
from shared.jobspec.tork.explanations import explain
from shared.jobspec.tork.models import (
    BackfillRange,
    EndpointChanges,
    EndpointSpec,
    JobChanges,
    JobSpec,
    Schedule,
    ScheduledJobSpec,
    ScheduledTemplate,
    SchedulePreview,
    SecretRotation,
    Spec,
    SubmittedJob,
    TemplateRun,
    TemplateSpec,
    TriggerRequest,
)
from shared.jobspec.tork.references import unfounded_references
from shared.jobspec.tork.scopes import Used, expressions_of, filter_of
from shared.jobspec.tork.warnings import (
    MOST_WARNINGS,
    copied_secrets_of,
    refusals_of,
    unknown_members,
    warnings_of,
)
from shared.jobspec.yaml_body import load_yaml
from shared.process.redaction import REDACTED, Redactor

JSON_TYPES = ("application/json",)
PATCH_TYPES = ("application/merge-patch+json",)
YAML_TYPES = ("text/yaml", "application/x-yaml", "application/yaml")


def _load_yaml(text: str) -> object:
    """YAML 1.2 takes all of JSON, PyYAML does not: no surrogate pairs, no DEL in a text."""
    try:
        return load_yaml(text)
    except InvalidJob:
        if text.lstrip().startswith("{"):
            with suppress(InvalidJob):  # then it is no JSON either: told what YAML says of it
                return load_json_as_yaml(text)
        raise


class _Language(NamedTuple):
    load: Callable[[str], object]
    places: Callable[[str], Finder]


_LANGUAGES: Mapping[str, _Language] = {
    **dict.fromkeys((*JSON_TYPES, *PATCH_TYPES), _Language(load_json, places_in_json)),
    **dict.fromkeys(YAML_TYPES, _Language(_load_yaml, places_in_yaml)),
}
_CHARSET = re.compile(r"\bcharset\s*=\s*\"?([^\s;\"]+)")
_CHARSETS = ("utf-8", "utf8", "us-ascii")
_JOBS = (SubmittedJob, JobChanges)


S = TypeVar("S", bound=Spec)


def parse_job(body: bytes, content_type: str) -> JobSpec:
    """The job in `body`. `content_type` may have a charset parameter. Raises InvalidJob."""
    return _parse(JobSpec, body, content_type)


def parse_scheduled_job(body: bytes, content_type: str) -> ScheduledJobSpec:
    """The same for a job that a schedule starts."""
    return _parse(ScheduledJobSpec, body, content_type)


def parse_template(body: bytes, content_type: str) -> TemplateSpec:
    """The same for a job that is stored."""
    return _parse(TemplateSpec, body, content_type)


def parse_scheduled_template(body: bytes, content_type: str) -> ScheduledTemplate | None:
    """The same for a schedule that names a template; None where the body has a job of its own."""
    tree, _ = load(body, content_type)
    if not isinstance(tree, dict) or not isinstance(tree.get("template"), str):
        return None
    return _parse(ScheduledTemplate, body, content_type)


def parse_template_run(body: bytes, content_type: str) -> TemplateRun:
    """The same for what a job is made of a template with."""
    return _parse(TemplateRun, body, content_type)


def parse_changes(body: bytes, content_type: str) -> JobChanges:
    """The same for what is other when a job is run again."""
    return _parse(JobChanges, body, content_type)


class ChangedJob(NamedTuple):
    """A scheduled job as a change makes it, and the fields that the change names."""

    spec: ScheduledJobSpec
    fields: frozenset[str]


def parse_scheduled_job_changes(
    body: bytes, content_type: str, now: Mapping[str, object], shown: Mapping[str, object]
) -> ChangedJob:
    """What the merge patch in `body` makes of a scheduled job, `now` as it would be submitted and
    `shown` as answers show it: what they hide stays where it is sent back."""
    language, text = _language(content_type), _text(body)
    patch = with_hidden(language.load(text), shown, now)
    try:
        if not isinstance(patch, dict):
            raise InvalidJob([Problem("", "a change must be a mapping of fields")])
        if unknown := list(_unknown_nulls(ScheduledJobSpec, patch)):
            raise InvalidJob(unknown)
        if hidden := list(islice(copied_secrets_of(patch), MOST_WARNINGS)):
            raise InvalidJob(hidden)
        spec = _valid(ScheduledJobSpec, merged(now, patch))
    except InvalidJob as error:  # as below
        raise InvalidJob(located(error.problems, language.places(text))) from None
    if warnings := warnings_of(spec):
        spec.warn(located(warnings, language.places(text)))
    return ChangedJob(spec, frozenset(patch))


def _unknown_nulls(model: type[Spec], patch: Mapping[str, object]) -> Iterator[Problem]:
    """Fields that are taken away, and can't be there: the rest is found once it is merged."""
    known = {field.alias or name for name, field in model.model_fields.items()}
    for name, value in patch.items():
        if value is None and name not in known:
            yield Problem(name, model.elsewhere.get(name, "unknown field"), place=(name,))
    schedule = patch.get("schedule")
    if model is ScheduledJobSpec and isinstance(schedule, dict):
        for problem in _unknown_nulls(Schedule, schedule):
            place = ("schedule", problem.field)
            yield replace(problem, field=f"schedule.{problem.field}", place=place)


def parse_schedule_preview(body: bytes, content_type: str) -> SchedulePreview:
    """The same for a schedule whose times are wanted."""
    return _parse(SchedulePreview, body, content_type)


def parse_trigger(body: bytes, content_type: str) -> TriggerRequest:
    """The same for a job of a schedule by request."""
    return _parse(TriggerRequest, body, content_type)


def parse_backfill(body: bytes, content_type: str) -> BackfillRange:
    """The same for the range of a backfill."""
    return _parse(BackfillRange, body, content_type)


def parse_endpoint(body: bytes, content_type: str) -> EndpointSpec:
    """The same for a webhook endpoint."""
    return _parse(EndpointSpec, body, content_type)


def parse_endpoint_changes(
    body: bytes, content_type: str, now: Mapping[str, object]
) -> EndpointSpec:
    """What the merge patch in `body` makes of an endpoint, `now` as it would be submitted."""
    _parse(EndpointChanges, body, content_type)
    language, text = _language(content_type), _text(body)
    patch = cast(Mapping[str, object], language.load(text))
    try:
        if unknown := list(_unknown_nulls(EndpointChanges, patch)):
            raise InvalidJob(unknown)
        return _valid(EndpointSpec, merged(now, patch))
    except InvalidJob as error:  # as below
        raise InvalidJob(located(error.problems, language.places(text))) from None


def parse_rotation(body: bytes, content_type: str) -> SecretRotation:
    """How an endpoint's secret is replaced; an empty body has none of the fields."""
    return _parse(SecretRotation, body, content_type) if body.strip() else SecretRotation()


def refused(problems: Sequence[Problem], body: bytes, content_type: str) -> InvalidJob:
    """For what was parsed, and is wrong all the same: the problems with their lines."""
    return InvalidJob(with_lines(problems, body, content_type))


def with_lines(problems: Sequence[Problem], body: bytes, content_type: str) -> list[Problem]:
    """The same for what is no error."""
    return located(problems, _language(content_type).places(_text(body)))


def load(body: bytes, content_type: str) -> tuple[object, Callable[[], Finder]]:
    """The plain values in `body`, and what finds their places. Raises InvalidJob."""
    language, text = _language(content_type), _text(body)
    return language.load(text), lambda: language.places(text)


def _parse(model: type[S], body: bytes, content_type: str) -> S:
    language = _language(content_type)
    text = _text(body)
    tree = language.load(text)
    try:
        job = _valid(model, tree)
    except InvalidJob as error:  # now the places are worth a second look at the text
        raise InvalidJob(located(error.problems, language.places(text))) from None
    if isinstance(job, SubmittedJob) and (warnings := _warnings(job, tree, text)):
        job.warn(located(warnings, language.places(text)))
    return job


def _valid(model: type[S], tree: object) -> S:
    """Also its expressions can work. Raises InvalidJob."""
    spec = _checked(model, tree)
    expressions = list(_expressions(spec))
    problems = refusals_of(expressions)
    if isinstance(spec, SubmittedJob):
        problems += unfounded_references(spec)
    if isinstance(spec, EndpointSpec) and not problems:  # there is nothing of Tork's to take
        problems = [problem for used in expressions for problem in unknown_members(used)]
    if problems:
        redact = Redactor(list(_secret_values(tree))).text
        raise InvalidJob(
            [replace(p, rule=redact(p.rule), value=p.value and redact(p.value)) for p in problems]
        )
    return spec


def _expressions(spec: Spec) -> Iterator[Used]:
    if isinstance(spec, SubmittedJob):
        yield from expressions_of(spec)
    elif isinstance(spec, EndpointSpec):
        yield from filter_of(spec)


def _warnings(job: SubmittedJob, tree: object, text: str) -> list[Problem]:
    warnings = warnings_of(job)
    if REDACTED in text:
        warnings += copied_secrets_of(tree)
    return warnings[:MOST_WARNINGS]


def _checked(model: type[S], tree: object) -> S:
    if not isinstance(tree, dict):
        what = "a job" if issubclass(model, _JOBS) else "the body"
        raise InvalidJob([Problem("", f"{what} must be a mapping of fields")])
    refuse_unkeepable(tree)
    try:
        return model.model_validate(tree, context=Findings())
    except ValidationError as error:  # all findings at once, in our own words
        secrets = list(_secret_values(tree))
        raise InvalidJob(explain(error, model, secrets)) from None


def _language(content_type: str) -> _Language:
    media_type, _, parameters = content_type.lower().partition(";")
    media_type = media_type.strip()
    if media_type not in _LANGUAGES:
        allowed = ", ".join((*JSON_TYPES, *YAML_TYPES))
        raise InvalidJob([Problem("content-type", f"must be one of {allowed}", media_type or None)])
    charset = _CHARSET.search(parameters)
    if charset and charset[1] not in _CHARSETS:
        raise InvalidJob([Problem("content-type", "the charset must be utf-8", charset[1])])
    return _LANGUAGES[media_type]


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:  # the client can mend it
        raise InvalidJob([Problem("", f"not UTF-8 text: bad byte at {error.start}")]) from None


def _secret_values(tree: object) -> Iterator[str]:
    """The secrets of the job and of the sub-jobs in it, or of the endpoint, whatever else is wrong
    with them."""
    left = [tree]
    while left:
        match left.pop():
            case dict() as mapping:
                secrets = mapping.get("secrets")
                if isinstance(secrets, dict):
                    yield from (str(value) for value in secrets.values() if value)
                if isinstance(secret := mapping.get("secret"), str) and secret:
                    yield secret
                left.extend(mapping.values())
            case list() as items:
                left.extend(items)
