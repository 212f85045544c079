"""A coordinator's `/objects`, and nothing else of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unittest.mock import AsyncMock

from aiohttp.test_utils import TestServer

from services.coordinator.api.application import make_application
from services.coordinator.api.files.objects import OBJECT_ROUTES
from services.coordinator.ports import ApiPorts
from services.coordinator.settings import ApiSettings, HttpSettings
from shared.files.directory.store import DirectoryStore
from shared.files.links import Links
from shared.process.metrics import Metrics


@asynccontextmanager
async def serving_objects(folder: Path, links: Links) -> AsyncIterator[int]:
    """The port."""
    parts = SimpleNamespace(
        files=DirectoryStore(folder),
        links=links,
        final_jobs=AsyncMock(),
        live=AsyncMock(),
        metrics=Metrics(),
        pool=None,
        broker=None,
    )
    settings = HttpSettings(api=ApiSettings(request_log="off"))
    app = make_application(cast(ApiPorts, parts), settings, OBJECT_ROUTES)
    async with TestServer(app) as server:
        yield cast(int, server.port)
