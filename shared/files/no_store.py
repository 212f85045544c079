"""Where the operator has set up no store: every call is refused, saying so."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NoReturn

from conveyor.extensions.files import (
    WHOLE,
    Content,
    LinkMethod,
    ObjectInfo,
    ObjectRefused,
    Span,
    Stored,
)


class NoStore:
    async def stat(self, name: str) -> ObjectInfo:
        _refuse()

    def get(
        self, name: str, span: Span = WHOLE, *, sha256: str = "", version: str = ""
    ) -> AbstractAsyncContextManager[Content]:
        _refuse()

    async def put(self, name: str, content: AsyncIterator[bytes], *, sha256: str = "") -> Stored:
        _refuse()

    def list_objects(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        _refuse()

    async def delete(self, name: str) -> None:
        _refuse()

    async def link(self, name: str, method: LinkMethod, seconds: int) -> str:
        _refuse()

    async def sweep(self, before: datetime) -> int:
        return 0

    async def close(self) -> None:
        pass


def _refuse() -> NoReturn:
    raise ObjectRefused("there is no store of files: the operator has set no CONVEYOR_FILES_STORE")
