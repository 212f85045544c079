"""Whether the store of files can be used: asked at start, and again from time to time."""

from asyncio import create_task, gather
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from uuid import uuid4

import structlog

from conveyor.extensions.files import FilesError, FileStore, ObjectMissing
from shared.files.names import CHECKS
from shared.files.settings import FilesSettings
from shared.files.streams import of_bytes
from shared.process.health import Check
from shared.process.loops import every
from shared.process.run import Stop

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 2.0
_USABLE_SECONDS = 30.0
"""How long a store that was usable is believed in."""


@asynccontextmanager
async def watched_store(
    store: FileStore, settings: FilesSettings, stop: Stop
) -> AsyncIterator[Check]:
    """Looks at the store while the context lasts."""
    watch = StoreWatch(store, settings.store)
    looking = create_task(
        every(watch.look, interval_seconds=_LOOK_SECONDS, stop=stop, name="look_at_files")
    )
    try:
        yield watch.missing
    finally:
        looking.cancel()
        await gather(looking, return_exceptions=True)


class StoreWatch:
    """`look` is a round for `loops.every`, `missing` a check for `/health`."""

    def __init__(self, store: FileStore, address: str) -> None:
        """`address` is the store's setting; empty: there is none, and nothing to look at."""
        self._store = store
        self._address = address
        self._missing: tuple[str, ...] = ()
        self._was_usable = False
        self._usable_until = 0.0

    async def look(self) -> None:
        if not self._address or monotonic() < self._usable_until:
            return
        try:
            await self._try()
        except FilesError as error:
            if not self._missing:
                log.error("file_store_unusable", store=self._address, reason=str(error))
            self._missing = (f"files: {self._address} can't be used: {error}",)
            self._was_usable, self._usable_until = False, 0.0
        else:
            if not self._was_usable:
                log.info("file_store_usable", store=self._address)
            self._missing, self._was_usable = (), True
            self._usable_until = monotonic() + _USABLE_SECONDS

    async def _try(self) -> None:
        """Raises FilesError. An object is written and removed once; later it is enough that the
        store answers."""
        name = f"{CHECKS}{uuid4().hex}"
        if not self._was_usable:
            await self._store.put(name, of_bytes(b"conveyor"))
            await self._store.delete(name)
            return
        try:
            await self._store.stat(name)
        except ObjectMissing:
            return

    def missing(self) -> Sequence[str]:
        return self._missing
