"""The one place that knows the concrete stores and sources: settings in, a store out."""

import os
from collections.abc import AsyncIterator, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from conveyor.extensions.files import FileStore, FileStoreFactory, ObjectRefused
from shared.definition.files import S3Object
from shared.files.directory.store import DirectoryStore
from shared.files.http import HttpAccess, HttpLimits
from shared.files.ipfs import IpfsStore
from shared.files.link_store import LinkStore
from shared.files.no_store import NoStore
from shared.files.s3.access import Anonymous, Bucket, Credentials, Environment, KeyFile, Keys
from shared.files.s3.store import S3Store
from shared.files.settings import FilesSettings
from shared.process.extensions import Group, load

_USUAL_REGION = "us-east-1"


@asynccontextmanager
async def opened_store(settings: FilesSettings) -> AsyncIterator[FileStore]:
    """Where nothing is set, each call of it is refused. Raises ExtensionRejected."""
    store = make_store(settings)
    try:
        yield store
    finally:
        await store.close()


def make_store(settings: FilesSettings) -> FileStore:
    """`close` it. Nothing is connected to yet. Raises ExtensionRejected."""
    if not settings.is_on:
        return NoStore()
    if settings.directory is not None:
        return DirectoryStore(settings.directory, settings.links)
    if settings.scheme == "s3":
        return S3Store(store_bucket(settings))
    if settings.links is not None and settings.scheme in ("http", "https"):
        return LinkStore(settings.links)
    return cast(FileStoreFactory, load(Group.FILE_STORES, settings.scheme))(settings.store)


def store_bucket(settings: FilesSettings) -> Bucket:
    """The operator chose it: nothing guards its address."""
    name, _, prefix = settings.store.removeprefix("s3://").partition("/")
    prefix = prefix.rstrip("/")
    return Bucket(
        name,
        settings.s3_endpoint,
        settings.s3_region or _region(),
        settings.s3_style,
        _store_credentials(settings),
        f"{prefix}/" if prefix else "",
    )


def job_bucket(settings: FilesSettings, named: S3Object) -> Bucket:
    """The bucket that a job names. Raises ObjectRefused."""
    return Bucket(
        named.bucket,
        named.endpoint or settings.s3_endpoint,
        named.region or settings.s3_region or _region(),
        named.style or ("auto" if named.endpoint else settings.s3_style),
        _job_credentials(settings, named),
        # The operator's own endpoint may be inside of the network.
        guard=settings.guard if named.endpoint or not settings.s3_endpoint else None,
    )


def http_access(settings: FilesSettings, headers: Mapping[str, str]) -> HttpAccess:
    """For URLs that jobs name."""
    limits = HttpLimits(settings.http_bytes, settings.http_timeout_seconds)
    return HttpAccess(settings.guard, limits, headers)


def ipfs_store(settings: FilesSettings) -> IpfsStore:
    """Raises ObjectRefused."""
    if not settings.ipfs_url:
        raise ObjectRefused("this worker has no IPFS (its setting CONVEYOR_FILES_IPFS_URL)")
    return IpfsStore(settings.ipfs_url)


def _region() -> str:
    environment = os.environ.get
    return environment("AWS_REGION") or environment("AWS_DEFAULT_REGION") or _USUAL_REGION


def _store_credentials(settings: FilesSettings) -> Credentials:
    if settings.s3_access_key:
        return Keys(
            settings.s3_access_key,
            settings.s3_secret_key.get_secret_value(),
            settings.s3_session_token.get_secret_value(),
        )
    if settings.s3_credentials_file:
        return KeyFile(Path(settings.s3_credentials_file), settings.s3_profile)
    return Environment()


def _job_credentials(settings: FilesSettings, named: S3Object) -> Credentials:
    if named.access_key:
        return Keys(named.access_key, named.secret_key, named.session_token)
    file = settings.job_credentials_file
    profiles = _profiles(file) if file else ()
    if not named.credentials:
        return KeyFile(Path(file)) if "default" in profiles else Anonymous()
    if named.credentials not in profiles:
        raise ObjectRefused(
            f"credentials: this worker has no credentials named {named.credentials!r} "
            "(its setting CONVEYOR_FILES_JOB_CREDENTIALS_FILE)"
        )
    return KeyFile(Path(file), named.credentials)


def _profiles(file: str) -> tuple[str, ...]:
    """Read each time, so that the operator may change them. Raises ObjectRefused."""
    parser = ConfigParser(default_section="", interpolation=None)
    try:
        with open(file, encoding="utf-8") as opened:
            parser.read_file(opened)
    except (OSError, ConfigError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        text = f"this worker cannot read its CONVEYOR_FILES_JOB_CREDENTIALS_FILE: {reason}"
        raise ObjectRefused(text) from None
    return tuple(parser.sections())
