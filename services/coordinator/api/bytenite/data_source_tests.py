"""POST …/datasource/test: whether a data source can be used, before a job needs it.

It connects to nothing that a job might not, and tells no more of an address that is not allowed
than of one where nothing answers.
"""

from asyncio import timeout
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import uuid4

from aiohttp import web
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from conveyor.extensions.files import FilesError, ObjectInfo, ObjectMissing, ObjectRefused
from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.schemas import Body, read_body
from services.coordinator.api.bytenite.data_sources import bound
from services.coordinator.api.bytenite.error_form import with_code
from services.coordinator.api.bytenite.groups import BYTENITE, INVALID, NO_SOURCE_JOB, at_both
from services.coordinator.api.bytenite.schemas import Check, DataSourceTested, FoundFile
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import WITHOUT_NUL, ports
from services.coordinator.api.route import Scope, response
from shared.definition import S3Object, Source, changed
from shared.expressions import render
from shared.files.factory import http_access, job_bucket
from shared.files.http import HttpSource
from shared.files.s3.store import S3Store
from shared.files.streams import of_bytes
from shared.jobspec.bytenite.data_sources import Bound, Direction, is_bucket, is_wrong_direction
from shared.jobspec.bytenite.models import DataSource
from shared.jobspec.bytenite.parsing import checked
from shared.jobspec.file_rules import is_one_object

_SECONDS = 10.0
_MOST_FILES = 100
_UNREACHABLE = "no answer: the host does not exist, does not answer, or is not allowed"
_EXPRESSIONS = ("key", "endpoint", "access_key", "secret_key")
_GUARDED = "is not allowed"
"""What the guard says of an address, and of a port."""


class DataSourceTest(Body):
    """A data source, as a job would have it."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    data_source: dict[str, Any]
    """With its `dataSourceDescriptor` and `params`. Nothing of it is kept."""
    direction: Literal["input", "output"] | None = None
    """What it is for. Default: `input`, of a `bucket` `output`."""
    list_files: bool = False
    """Whether `files` tells what it would bring, of an object store and a URL."""
    path: Annotated[str, Field(max_length=1024, pattern=WITHOUT_NUL)] = ""
    """With `listFiles`: only files below this path in it."""


async def _tested(request: web.Request, found: Bound, asked: DataSourceTest) -> DataSourceTested:
    names = {"secrets": found.secrets}
    try:
        if found.source and found.source.s3:
            return await _s3_source(request, _clear(found.source.s3, names), asked)
        if found.source and found.source.url:
            tested = await _url(request, found.source, names)
            return _listing(tested, [(tested.filename or "", tested.size)], asked)
        if found.publication and found.publication.s3:
            return await _s3_target(request, _clear(found.publication.s3, names))
    except FilesError as error:
        return _of_error(error)
    return _passed("usable", "nothing has to be reached")


def _clear(named: S3Object, names: Mapping[str, object]) -> S3Object:
    return changed(named, **{name: render(getattr(named, name), names) for name in _EXPRESSIONS})


async def _s3_source(
    request: web.Request, named: S3Object, asked: DataSourceTest
) -> DataSourceTested:
    store = S3Store(job_bucket(ports(request).files_settings, named))
    try:
        if is_one_object(named.key) and named.key:
            info = await store.stat(named.key)
            tested = _passed("readable", "the object can be read", named.key, info.size)
            return _listing(tested, [(named.key.rpartition("/")[2], str(info.size))], asked)
        prefix = named.key.removesuffix("*")
        objects = store.list_objects(prefix + asked.path.lstrip("/"))
        found = await _first(objects, _MOST_FILES if asked.list_files else 1)
        if not found:
            return _failed("readable", "there is no such object", reached=True)
        tested = _passed("readable", "objects can be listed", found[0].name, found[0].size)
        files = [(info.name.removeprefix(prefix), str(info.size)) for info in found]
        return tested.model_copy(update={"files": _files(files)}) if asked.list_files else tested
    finally:
        await store.close()


async def _first(objects: AsyncIterator[ObjectInfo], most: int) -> list[ObjectInfo]:
    found: list[ObjectInfo] = []
    async for info in objects:
        found.append(info)
        if len(found) == most:
            break
    return found


def _listing(
    tested: DataSourceTested, files: Sequence[tuple[str, str | None]], asked: DataSourceTest
) -> DataSourceTested:
    """With what is found there, if that was asked for."""
    if not asked.list_files or not tested.ok:
        return tested
    below = [file for file in files if file[0].startswith(asked.path.lstrip("/"))]
    return tested.model_copy(update={"files": _files(below)})


def _files(files: Sequence[tuple[str, str | None]]) -> list[FoundFile]:
    return [FoundFile(path=path, size=size) for path, size in files]


async def _s3_target(request: web.Request, named: S3Object) -> DataSourceTested:
    store, name = S3Store(job_bucket(ports(request).files_settings, named)), _check_name(named.key)
    try:
        await store.put(name, of_bytes(b"A check: it can be removed.\n"))
        await store.delete(name)
        return _passed("writable", "a file was written and removed")
    finally:
        await store.close()


def _check_name(folder: str) -> str:
    """Nothing that is there has it. What a placeholder stands for is only known in a job."""
    return f"{folder.partition('{')[0].rpartition('/')[0]}/conveyor-check-{uuid4().hex}".lstrip("/")


async def _url(
    request: web.Request, source: Source, names: Mapping[str, object]
) -> DataSourceTested:
    headers = {name: render(value, names) for name, value in source.headers.items()}
    http = HttpSource(http_access(ports(request).files_settings, headers))
    try:
        info = await http.stat(render(source.url or "", names))
        return _passed("readable", "the URL can be read", source.target, info.size)
    finally:
        await http.close()


def _of_error(error: FilesError) -> DataSourceTested:
    """The texts of servers are not repeated: they may quote what was sent."""
    if isinstance(error, ObjectMissing):
        return _failed("readable", "there is no such object or bucket", reached=True)
    if isinstance(error, ObjectRefused) and _GUARDED not in str(error):
        text = "the server refuses it: see the credentials, their rights, and the names"
        return _failed("allowed", text, reached=True)
    return _failed("reachable", _UNREACHABLE)


def _passed(name: str, message: str, file: str = "", size: int | None = None) -> DataSourceTested:
    return DataSourceTested(
        ok=True,
        checks=[
            Check(name="reachable", ok=True, message="it can be reached"),
            Check(name=name, ok=True, message=message),
        ],
        filename=file or None,
        size=None if size is None else str(size),
    )


def _failed(name: str, message: str, *, reached: bool = False) -> DataSourceTested:
    before = [Check(name="reachable", ok=True, message="it can be reached")] if reached else []
    return DataSourceTested(ok=False, checks=[*before, Check(name=name, ok=False, message=message)])


@BYTENITE.route(
    "POST /v1/computing/datasource/test",
    "Test a data source, without a job",
    response("What was tried, and what came of it.", DataSourceTested),
    {404: NO_SOURCE_JOB, 422: INVALID},
    scope=Scope.SUBMIT,
    body=DataSourceTest,
    example={"dataSource": {"dataSourceDescriptor": "bypass", "params": {}}},
)
async def try_data_source(request: web.Request) -> web.Response:
    """Credentials are tried, a source is looked at, and to a destination a file is written and
    removed again. It takes ten seconds at most."""
    asked = await read_body(request, DataSourceTest)
    given = checked(DataSource, asked.data_source)
    is_output = asked.direction == "output" or (asked.direction is None and is_bucket(given))
    direction: Direction = "dataDestination" if is_output else "dataSource"
    if is_wrong_direction(given, direction):
        with_code(request, "wrong_direction")
    found = await bound(request, given, direction, principal(request).creator)
    try:
        async with timeout(_SECONDS):
            return reply(await _tested(request, found, asked))
    except TimeoutError:  # the host is the client's choice
        return reply(_failed("reachable", _UNREACHABLE))


DATA_SOURCE_TEST_ROUTES = at_both(try_data_source)
