"""The publishers: what their parameters are, and which rules these obey."""

from collections.abc import Callable, Iterator, Mapping

from shared.jobspec import file_rules
from shared.jobspec.bacalhau.models import SpecConfig, read_params
from shared.jobspec.bacalhau.spec import Flag, Spec, Text
from shared.jobspec.problems import Place, Problem

ENCODINGS = ("gzip", "plain")


class S3Publisher(Spec):
    bucket: Text = ""
    key: Text = ""
    endpoint: Text = ""
    region: Text = ""
    encoding: Text = ""
    compress: Flag | None = None
    """How once `encoding: gzip` was said."""


class PlainPublisher(Spec):
    """There is nothing to say of it."""


Publisher = S3Publisher | PlainPublisher
PUBLISHERS: Mapping[str, type[Publisher]] = {
    "s3": S3Publisher,
    "s3managed": PlainPublisher,
    "ipfs": PlainPublisher,
    "local": PlainPublisher,
    "noop": PlainPublisher,
}


def publisher_of(publisher: SpecConfig) -> Publisher | None:
    """Of a task that is valid."""
    return PUBLISHERS[publisher.type].model_validate(publisher.params) if publisher.type else None


def publisher_problems(publisher: SpecConfig, place: Place) -> Iterator[Problem]:
    if not publisher.type and not publisher.params:
        return
    params, problems = read_params(publisher, PUBLISHERS, place, "invalid publisher")
    yield from problems
    if isinstance(params, S3Publisher):
        for field, rule in _s3_rules(params):
            yield Problem("", f"invalid s3 params. {rule}", place=(*place, "Params", field))


def _s3_rules(s3: S3Publisher) -> Iterator[tuple[str, str]]:
    checks: tuple[tuple[str, str, Callable[[str], None], bool], ...] = (
        ("Bucket", s3.bucket, file_rules.check_bucket, True),
        ("Key", s3.key, file_rules.check_published_key, True),
        ("Region", s3.region, file_rules.check_region, False),
        ("Endpoint", s3.endpoint, file_rules.check_source_url, False),
    )
    for field, value, check, is_required in checks:
        if not value:
            if is_required:
                yield field, f"{field.lower()} cannot be empty"
            continue
        try:
            check(value)
        except ValueError as error:
            yield field, f"{field} {error}"
    if s3.encoding and s3.encoding not in ENCODINGS:
        yield "Encoding", f"Encoding must be {' or '.join(ENCODINGS)}"
