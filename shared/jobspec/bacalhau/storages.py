"""The storages that input sources name: what their parameters are, and which rules these obey."""

import base64
import binascii
import posixpath
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

from shared.expressions.dates.reading import is_layout
from shared.jobspec import file_rules
from shared.jobspec.bacalhau.models import SpecConfig, read_params
from shared.jobspec.bacalhau.spec import Flag, Number, Spec, Text
from shared.jobspec.problems import Place, Problem

PARTITION_TYPES = ("none", "object", "regex", "substring", "date")
CREATE_AS = ("dir", "file", "noCreate")
_SHA256_BYTES = 32


class Ipfs(Spec):
    cid: Text = ""


class UrlDownload(Spec):
    url: Text = ""


class Partition(Spec):
    """Which of the objects are whose: by what of their keys they are dealt out."""

    type: Text = ""
    pattern: Text = ""
    start_index: Number = 0
    end_index: Number = 0
    date_format: Text = ""


class S3(Spec):
    bucket: Text = ""
    key: Text = ""
    filter: Text = ""
    region: Text = ""
    endpoint: Text = ""
    version_id: Text = ""
    checksum_sha256: Text = ""
    partition: Partition = Partition()


class S3PreSigned(S3):
    pre_signed_url: Text = ""


class Inline(Spec):
    url: Text = ""


class Local(Spec):
    source_path: Text = ""
    read_write: Flag = False
    create_as: Text = ""


Storage = Ipfs | UrlDownload | S3 | S3PreSigned | Inline | Local
STORAGES: Mapping[str, type[Storage]] = {
    "ipfs": Ipfs,
    "urlDownload": UrlDownload,
    "s3": S3,
    "s3PreSigned": S3PreSigned,
    "inline": Inline,
    "local": Local,
    "localDirectory": Local,
}


def storage_of(source: SpecConfig) -> Storage:
    """Of an input source that is valid."""
    return STORAGES[source.type].model_validate(source.params)


def storage_problems(source: SpecConfig, place: Place) -> Iterator[Problem]:
    """Of the `Source` at `place`."""
    storage, problems = read_params(source, STORAGES, place, "invalid input source")
    yield from problems
    for field, rule in _rules(storage):
        told = f"invalid {source.type} storage params: {rule}"
        yield Problem("", told, place=(*place, "Params", field))


_Rule = tuple[str, str]
"""A field, and what it breaks."""


def _rules(storage: Storage | None) -> Iterator[_Rule]:
    match storage:
        case Ipfs(cid=cid):
            yield from _unless(file_rules.check_ipfs, "CID", cid)
        case UrlDownload(url=url):
            yield from _url_rules(url)
        case S3PreSigned(pre_signed_url=url):
            yield from _unless(file_rules.check_source_url, "PreSignedURL", url, "signed url")
        case S3():
            yield from _s3_rules(storage)
        case Inline(url=url):
            yield from _inline_rules(url)
        case Local():
            yield from _local_rules(storage)


def _unless(
    check: Callable[[str], None], field: str, value: str, called: str | None = None
) -> Iterator[_Rule]:
    """The rule of `check` that it breaks, or that it is missing."""
    if not value:
        yield field, f"{called or field} cannot be empty"
        return
    try:
        check(value)
    except ValueError as error:
        yield field, f"{field} {error}"


def _url_rules(url: str) -> Iterator[_Rule]:
    found = list(_unless(file_rules.check_source_url, "URL", url))
    yield from found
    if not found and not posixpath.basename(urlsplit(url).path):
        yield "URL", "URL must end with a file name"


def _inline_rules(url: str) -> Iterator[_Rule]:
    found = list(_unless(file_rules.check_inline, "URL", url))
    yield from found
    if not found and not url.startswith("data:"):
        yield "URL", "URL must be a data: URL"


def _local_rules(local: Local) -> Iterator[_Rule]:
    yield from _unless(file_rules.check_local, "SourcePath", local.source_path)
    if local.create_as and local.create_as not in CREATE_AS:
        yield "CreateAs", f"CreateAs must be one of {', '.join(CREATE_AS)}"


def _s3_rules(s3: S3) -> Iterator[_Rule]:
    yield from _unless(file_rules.check_bucket, "Bucket", s3.bucket, "bucket")
    optional = (
        ("Key", s3.key, file_rules.check_key),
        ("Filter", s3.filter, file_rules.check_filter),
        ("Region", s3.region, file_rules.check_region),
        ("Endpoint", s3.endpoint, file_rules.check_source_url),
        ("ChecksumSHA256", s3.checksum_sha256, _check_checksum),
    )
    for field, value, check in optional:
        if value:
            yield from _unless(check, field, value)
    if not file_rules.is_one_object(s3.key or "/"):
        for field, value in (("VersionID", s3.version_id), ("ChecksumSHA256", s3.checksum_sha256)):
            if value:
                yield field, f"{field} is only for one object, and the key '{s3.key}' means many"
    yield from (("Partition", rule) for rule in _partition_rules(s3.partition))


def _check_checksum(text: str) -> None:
    checksum_in_hex(text)


def checksum_in_hex(text: str) -> str:
    """S3 has it in base64. Raises ValueError."""
    if len(text) == 2 * _SHA256_BYTES:
        file_rules.check_sha256(text)
        return text.lower()
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        data = b""
    if len(data) != _SHA256_BYTES:
        raise ValueError("must be a SHA-256 in base64, or 64 hexadecimal digits")
    return data.hex()


def _partition_rules(partition: Partition) -> Iterator[str]:
    match partition.type:
        case "" | "none" | "object":
            return
        case "regex":
            yield from (
                rule if partition.pattern else "regex pattern cannot be empty"
                for _, rule in _unless(file_rules.check_filter, "Pattern", partition.pattern)
            )
        case "substring":
            if partition.start_index < 0:
                yield "start index cannot be negative"
            if partition.end_index <= partition.start_index:
                yield "end index must be greater than start index"
        case "date":
            if not partition.date_format:
                yield "date format cannot be empty"
            elif not is_layout(partition.date_format):
                yield f"invalid date format: {partition.date_format}"
        case _:
            known = ", ".join(PARTITION_TYPES)
            yield f"unsupported partition key type {partition.type}: must be one of {known}"
