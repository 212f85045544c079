"""A whole Conveyor in this process, whose tasks run in shells."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.coordinator.settings import ApiSettings
from services.dev.app import running
from services.dev.settings import DevBlock, IsolatedDevSettings
from services.worker.runtimes.settings import RuntimeSettings
from shared.process.run import Stop
from tests.support.ports import free_port
from tests.support.servers.postgres import prepare_data

_SHELL = RuntimeSettings(type="shell", shell_allowed=True)


@asynccontextmanager
async def running_dev(
    data_dir: Path, runtime: RuntimeSettings = _SHELL, **settings_of: Any
) -> AsyncIterator[str]:
    """Its URL. `settings_of` are other blocks of its settings."""
    prepare_data(data_dir / "postgres", migrated=True)
    settings = IsolatedDevSettings(
        dev=DevBlock(data_dir=data_dir),
        api=ApiSettings(address=f"127.0.0.1:{free_port()}"),
        runtime=runtime,
        **settings_of,
    )
    stop = Stop()
    async with running(settings, stop) as url:
        yield url
        stop.request()
        stop.request()  # the second time hurries: nothing that runs is wanted
