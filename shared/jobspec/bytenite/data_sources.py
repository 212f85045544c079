"""Where a job of ByteNite reads its source from and delivers to, by what each descriptor takes, and
what that is of ours."""

import base64
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from shared.definition import Publication, S3Object, Source, changed
from shared.expressions import quoted
from shared.jobspec import file_rules
from shared.jobspec.bytenite.form import Form, read
from shared.jobspec.bytenite.models import DataSource
from shared.jobspec.limits import OWN_SECRETS
from shared.jobspec.problems import Problem

Direction = Literal["dataSource", "dataDestination"]
"""Also the name of the field."""

_S3 = ("s3", "aws", "gcp", "storj")
_ENDPOINTS = {"gcp": "https://storage.googleapis.com", "storj": "https://gateway.storjshare.io"}
_REGIONS = {"gcp": "auto", "storj": "global"}
_INPUT_ONLY = ("url", "file", "inline", "job")
_OUTPUT_ONLY = ("bucket",)
DESCRIPTORS = (*_S3, *_INPUT_ONLY, *_OUTPUT_ONLY, "volume", "bypass")
_NO_NAME = "data"

UPLOAD = "source"
"""What the upload is called that a job takes its file from."""


class Params(Form):
    type: Annotated[str, Field(alias="@type", exclude=True)] = ""


class S3Params(Params):
    """`name` is a file, or of a destination a folder. `endpoint` is ours, for other servers that
    speak S3; the keys are of 2023."""

    name: str = ""
    bucket_name: str = ""
    cloud_region: str = ""
    endpoint: str = ""
    secret_id: str = ""
    access_key: str = ""
    secret_key: Annotated[str, Field(repr=False)] = ""


class UrlParams(Params):
    """Below `url` those of 2023; a password may be in a secret instead."""

    url: str = ""
    name: str = ""
    username: str = ""
    password: Annotated[str, Field(repr=False)] = ""
    secret_id: str = ""


class FileParams(Params):
    """What the server answers is sent back with the rest."""

    name: str = ""
    temp_url: Annotated[str, Field(exclude=True)] = ""
    upload_id: str = ""


class InlineParams(Params):
    text: str = ""
    name: str = ""


class JobParams(Params):
    """Of another job of ours: what it has assembled."""

    job_id: str = ""
    path: str = ""


class VolumeParams(Params):
    path: str = ""


PARAMS: Mapping[str, tuple[type[Params], tuple[str, ...]]] = {
    **dict.fromkeys(_S3, (S3Params, ("S3DataSource", "StorjDataSource"))),
    "url": (UrlParams, ("HttpDataSource",)),
    "file": (FileParams, ("LocalFileDataSource",)),
    "inline": (InlineParams, ()),
    "job": (JobParams, ()),
    "volume": (VolumeParams, ()),
    "bucket": (Params, ()),
    "bypass": (Params, ()),
}
"""By descriptor what it takes, and the names of that type; where there is none, any will do."""


@dataclass(frozen=True, slots=True)
class Login:
    """What a stored secret has, or the keys that are in the form of 2023."""

    access_key: str
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What a data source is of ours; with neither, nothing is brought or delivered. `secrets` and
    `uploads` are to be those of the job."""

    source: Source | None = None
    publication: Publication | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    uploads: Mapping[str, str] = field(default_factory=dict)


def is_wrong_direction(given: DataSource | None, direction: Direction) -> bool:
    wrong = _OUTPUT_ONLY if direction == "dataSource" else _INPUT_ONLY
    return given is not None and given.data_source_descriptor in wrong


def secret_id_of(given: DataSource | None) -> str | None:
    """Of the stored secret that it needs."""
    params = _checked(given) if given else None
    return (params.secret_id or None) if isinstance(params, S3Params | UrlParams) else None


def job_id_of(given: DataSource | None) -> str | None:
    """Of the job whose results it reads, as its client calls it."""
    params = _checked(given) if given else None
    return params.job_id if isinstance(params, JobParams) else None


def is_file(given: DataSource | None) -> bool:
    return given is not None and given.data_source_descriptor == "file"


def is_bucket(given: DataSource | None) -> bool:
    return given is not None and given.data_source_descriptor == "bucket"


def bind(
    given: DataSource | None,
    direction: Direction,
    login: Login | None = None,
    job_id: str | None = None,
) -> Bound:
    """Of one without problems. `login` is what its stored secret has, `job_id` the id of the job
    that it reads."""
    params = _checked(given) if given else None
    match params:
        case S3Params():
            return _s3(params, given.data_source_descriptor if given else "", direction, login)
        case UrlParams():
            return _url(params, login)
        case FileParams(upload_id=upload_id) if upload_id:
            name = posixpath.basename(params.name) or _NO_NAME
            return Bound(source=Source(upload=UPLOAD, target=name), uploads={UPLOAD: upload_id})
        case InlineParams():
            target = params.name or _NO_NAME
            return Bound(source=Source(inline=quoted(params.text), target=target))
        case JobParams():
            path = f"{job_id or params.job_id}/assemble.output/{params.path}".rstrip("/")
            name = posixpath.basename(params.path.rstrip("/")) or "."
            return Bound(source=Source(artifact=quoted(path), target=name))
        case VolumeParams():
            return _volume(params, direction)
    return Bound()


def _s3(params: S3Params, descriptor: str, direction: Direction, login: Login | None) -> Bound:
    if login is None and params.access_key:
        login = Login(params.access_key, params.secret_key)
    texts = _secrets(direction, login)
    key = params.name.strip("/") if direction == "dataDestination" else params.name.lstrip("/")
    bucket = S3Object(
        bucket=params.bucket_name,
        key=quoted(f"{key}/" if direction == "dataDestination" and key else key),
        endpoint=quoted(params.endpoint or _ENDPOINTS.get(descriptor, "")),
        region=_REGIONS.get(descriptor, "") or params.cloud_region,
        access_key=_reading(direction, "access_key") if login else "",
        secret_key=_reading(direction, "secret_key") if login else "",
    )
    if direction == "dataDestination":
        return Bound(publication=Publication(s3=bucket), secrets=texts)
    is_one = file_rules.is_one_object(key) and key
    target = posixpath.basename(key) if is_one else "."
    return Bound(source=Source(s3=bucket, target=quoted(target)), secrets=texts)


def _secrets(direction: Direction, login: Login | None) -> dict[str, str]:
    if login is None:
        return {}
    values = {"access_key": login.access_key, "secret_key": login.secret}
    return {_secret_name(direction, name): value for name, value in values.items()}


def _secret_name(direction: Direction, name: str) -> str:
    """Of one of the job's: clients can't choose it."""
    return f"{OWN_SECRETS}{direction}.{name}"


def _reading(direction: Direction, name: str) -> str:
    return '{{ secrets["' + _secret_name(direction, name) + '"] }}'


def _url(params: UrlParams, login: Login | None) -> Bound:
    target = params.name or posixpath.basename(urlsplit(params.url).path) or _NO_NAME
    source = Source(url=quoted(params.url), target=quoted(posixpath.basename(target)))
    password = login.secret if login else params.password
    if not params.username and not password:
        return Bound(source=source)
    user = params.username or (login.access_key if login else "")
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    values = {"authorization": f"Basic {text}", "password": password}
    headers = {"Authorization": _reading("dataSource", "authorization")}
    secrets = {_secret_name("dataSource", k): value for k, value in values.items() if value}
    return Bound(source=changed(source, headers=headers), secrets=secrets)


def _volume(params: VolumeParams, direction: Direction) -> Bound:
    if direction == "dataDestination":
        return Bound(publication=Publication(local=quoted(params.path)))
    name = posixpath.basename(params.path) or "."
    return Bound(source=Source(local=quoted(params.path), target=quoted(name), read_only=True))


def _checked(given: DataSource) -> Params | None:
    return params_of(given, "dataSource")[0]


def params_of(given: DataSource, direction: Direction) -> tuple[Params | None, list[Problem]]:
    model, _ = PARAMS.get(given.data_source_descriptor, (Params, ()))
    return read(model, given.params, (direction, "params"))
