"""The rules of what says which files a task keeps, what is brought to it, and where results go.

They are for what a client submits, and for the same once its expressions are evaluated.
`check_…` raises ValueError.
"""

import base64
import binascii
import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Protocol
from urllib.parse import unquote_to_bytes, urlsplit

from conveyor.extensions.tasks import DATA
from shared.definition import parse_reference
from shared.expressions.errors import ExpressionError
from shared.expressions.patterns import pattern
from shared.jobspec.limits import MAX_OBJECT_KEY
from shared.jobspec.urls import check_url

OWN_DIRECTORY = "/tork"
PLACEHOLDERS = ("jobID", "taskID", "executionID", "nodeID", "attempt", "date", "time")
"""What a key of `publish` may hold in single braces."""
_ARTIFACT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CID = re.compile(
    r"Qm[1-9A-HJ-NP-Za-km-z]{44}|b[a-z2-7]{20,}|z[1-9A-HJ-NP-Za-km-z]{20,}|k[0-9a-z]{20,}"
)
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_OTHER_SCHEMES = {
    "s3": "use s3 with bucket and key",
    "ipfs": "use ipfs with the CID",
    "file": "use local with the path on the worker",
    "data": "use inline",
}


def check_artifact_name(text: str) -> None:
    if not _ARTIFACT_NAME.fullmatch(text):
        raise ValueError(
            "must be a letter or '_', then letters, digits, '_' and '-', at most 64 characters"
        )


def check_upload_name(text: str) -> None:
    if not _NAME.fullmatch(text):
        raise ValueError("must hold only letters, digits, '_' and '-', at most 64 characters")


def check_upload_id(text: str) -> None:
    if not _NAME.fullmatch(text):
        raise ValueError("must be the id of an upload, as POST /uploads answers it")


def check_reference(text: str) -> None:
    parse_reference(text)


def check_kept_path(text: str) -> None:
    """The root directory is too much, the working directory is not."""
    _check_path(text)
    if "*" in text:
        raise ValueError("must be one file or directory: patterns are not supported")
    if not posixpath.normpath("/" + text).strip("/") and text.startswith("/"):
        raise ValueError("must not be the root directory")


def check_target(text: str) -> None:
    _check_path(text)
    place = _normal(text)
    if place in ("/", "."):
        where = "root" if place == "/" else "working"
        raise ValueError(f"must be below the {where} directory")
    if _is_at_or_below(place, OWN_DIRECTORY) and not _is_at_or_below(place, DATA):
        raise ValueError(f"must not be {OWN_DIRECTORY} or below it, where a task's own files are")


def check_local(text: str) -> None:
    _check_path(text)
    if not text.startswith("/"):
        raise ValueError("must be an absolute path on the worker")


def check_published_local(text: str) -> None:
    check_local(text)
    _check_placeholders(text)


def check_sha256(text: str) -> None:
    if not _SHA256.fullmatch(text.lower()):
        raise ValueError("must be 64 hexadecimal digits")


def check_source_url(text: str) -> None:
    scheme = _SCHEME.match(text)
    if scheme and (hint := _OTHER_SCHEMES.get(scheme[1].lower())):
        raise ValueError(f"must be an http or https URL: {hint}")
    check_url(text)


def check_bucket(text: str) -> None:
    if not _BUCKET.fullmatch(text) or ".." in text:
        raise ValueError(
            "must be the name of a bucket: 3 to 63 small letters, digits, '.', '-' and '_'"
        )


def check_region(text: str) -> None:
    if not _REGION.fullmatch(text):
        raise ValueError("must be the name of a region, such as eu-central-1")


def check_key(text: str) -> None:
    """Exact, `directory/` or `prefix*`."""
    name = text.removesuffix("*")
    if "*" in name:
        raise ValueError("must have a '*' only at its end")
    _check_object_name(name if name in ("", text) else f"{name}x")


def check_published_key(text: str) -> None:
    _check_object_name(text)
    _check_placeholders(text)


def check_filter(text: str) -> None:
    try:
        pattern(text)
    except ExpressionError as error:
        raise ValueError(f"must be a regular expression: {error}") from None


def check_credentials(text: str) -> None:
    if not _NAME.fullmatch(text):
        raise ValueError("must be the name that the worker has for a login")


def check_ipfs(text: str) -> None:
    if _SCHEME.match(text) or text.startswith("/"):
        raise ValueError("must be a CID, and perhaps a path in it, without anything before")
    cid, _, path = text.partition("/")
    if not _CID.fullmatch(cid):
        raise ValueError("must be a CID, such as bafy…, and perhaps a path in it")
    _check_path(path or "x")


def check_inline(text: str) -> None:
    """A text that is no data URL is the data itself."""
    if not text.startswith("data:"):
        return
    kind, comma, data = text.partition(",")
    if not comma:
        raise ValueError("a data URL must have a comma before its data")
    if kind.lower().endswith(";base64"):
        try:
            base64.b64decode(b"".join(unquote_to_bytes(data).split()), validate=True)
        except binascii.Error:
            raise ValueError("a data URL with ;base64 must hold valid base64") from None


def is_one_object(key: str) -> bool:
    """Of a key that `check_key` takes."""
    return not key.endswith(("/", "*"))


class S3Like(Protocol):
    @property
    def key(self) -> str | None: ...
    @property
    def filter(self) -> str | None: ...
    @property
    def version_id(self) -> str | None: ...
    @property
    def partition(self) -> object: ...


class SourceLike(Protocol):
    """A source as it is submitted, or as it is in a definition."""

    @property
    def target(self) -> str: ...
    @property
    def s3(self) -> S3Like | None: ...
    @property
    def url(self) -> str | None: ...
    @property
    def inline(self) -> str | None: ...
    @property
    def sha256(self) -> str | None: ...
    @property
    def extract(self) -> bool | None: ...


Rule = tuple[str, str]
"""A field, by its name on the wire, and what it breaks."""


def source_problems(source: SourceLike) -> Iterator[Rule]:
    """What a source breaks by its fields together; its key and target hold no expressions."""
    key = (source.s3 and source.s3.key) or ""
    if source.s3 is not None and not is_one_object(key):
        for name, value in (("sha256", source.sha256), ("extract", source.extract)):
            if value:
                yield name, f"is only for one object, and the key {key!r} means many"
        if source.s3.version_id:
            yield "s3.versionId", f"is only for one object, and the key {key!r} means many"
    elif source.s3 is not None:
        of_many = (("s3.filter", source.s3.filter), ("s3.partition", source.s3.partition))
        for name, given in of_many:
            if given:
                yield name, f"is only for many objects, and the key {key!r} means one"
    if source.target.endswith("/") and source.inline and not source.extract:
        yield "target", "must name the file: inline text has no name of its own"


def target_of(source: SourceLike) -> str:
    """With the name that one file gets in a target that ends with a slash, as far as it is known
    before."""
    key = source.s3.key if source.s3 else None
    path = urlsplit(source.url).path if source.url else key if key and is_one_object(key) else ""
    is_name_added = path and source.target.endswith("/") and not source.extract
    return source.target + posixpath.basename(path) if is_name_added else source.target


def target_problems(
    targets: Sequence[str], taken: Sequence[str], workdir: str
) -> Iterator[tuple[int, str]]:
    """By their index those of `targets` that are another, or in another, or one of `taken`."""
    other = {_placed(place, workdir) for place in taken}
    placed: dict[str, int] = {}
    for index, target in enumerate(targets):
        place = _placed(target, workdir)
        if place in other:
            yield index, "is the place of a mount or a file of the task"
        elif place in placed:
            first = placed[place]
            yield index, f"is the target of source {first + 1}, too{_advice(targets[first])}"
        placed.setdefault(place, index)
    for place, index in placed.items():
        for around in directories_above(place):
            if around in placed:
                outer = placed[around]
                advice = _advice(targets[outer])
                yield index, f"must not be in the target of source {outer + 1}{advice}"


def _advice(target: str) -> str:
    """What a source brings to `in/` may be one file, whose name is known when it is brought."""
    return f"; if that is one file, name it: {target}<name>" if target.endswith("/") else ""


def name_problems(names: Sequence[str], large_result: str) -> Iterator[tuple[int, str]]:
    """By their index those of a task's artifacts whose name is another's."""
    seen = {large_result: "largeResult"} if large_result else {}
    for index, name in enumerate(names):
        if name in seen:
            yield index, f"is the name of {seen[name]}, too"
        seen.setdefault(name, f"artifact {index + 1}")


def _placed(place: str, workdir: str) -> str:
    return _normal(posixpath.join(workdir, place))


def _normal(path: str) -> str:
    place = posixpath.normpath(path)
    return "/" + place.lstrip("/") if place.startswith("/") else place


def directories_above(place: str) -> Iterator[str]:
    """The nearest first."""
    while (parent := posixpath.dirname(place)) not in ("", place):
        yield parent
        place = parent


def _is_at_or_below(place: str, directory: str) -> bool:
    return place == directory or place.startswith(directory + "/")


def _check_path(text: str) -> None:
    if _CONTROL.search(text):
        raise ValueError("must not hold control characters")
    if ".." in text.split("/"):
        raise ValueError("must not hold '..'")


def _check_object_name(text: str) -> None:
    if len(text.encode()) > MAX_OBJECT_KEY:
        raise ValueError(f"must have at most {MAX_OBJECT_KEY} bytes")
    if _CONTROL.search(text):
        raise ValueError("must not hold control characters")
    if text.startswith("/"):
        raise ValueError("must not start with '/'")
    if {"", ".", ".."} & set(text.removesuffix("/").split("/")) and text:
        raise ValueError("must not hold '//', '.' or '..' as a part of it")


def _check_placeholders(text: str) -> None:
    for name in _PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
            raise ValueError(f"must hold no other placeholder than {known}")
