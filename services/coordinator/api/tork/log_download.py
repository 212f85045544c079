"""A whole log as a text file: read and sent some parts at a time."""

from collections.abc import AsyncIterator, Mapping, Sequence

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import NotFound
from services.coordinator.api.files.headers import attachment
from services.coordinator.api.requests import ports
from services.coordinator.live.renderings import Lines
from services.coordinator.store.log_parts import PartInOrder, names_of, parts_after
from services.coordinator.store.logs import LogSource, subject_of
from services.coordinator.store.rows import LogRow
from shared.planning.disclosure import Redacting, redacting

_TEXT = "text/plain; charset=utf-8"


async def send_log(
    request: web.Request, source: LogSource, *, has_times: bool, has_names: bool
) -> web.StreamResponse:
    api = ports(request)
    subject = await api.run(subject_of, source, principal(request).readers)
    if subject is None:
        raise NotFound(f"no such {source.kind}")
    response = web.StreamResponse(headers=attachment(f"{source.kind}-{source.id}.log", _TEXT))
    await response.prepare(request)
    text = LogText(redacting(api.sealer, subject.sealed), has_times=has_times, has_names=has_names)
    async for parts in _batches(request, source):
        names = await api.run(names_of, text.unnamed(parts)) if has_names else {}
        await response.write(text.of(parts, names).encode())
    await response.write_eof()
    return response


async def _batches(request: web.Request, source: LogSource) -> AsyncIterator[Sequence[PartInOrder]]:
    last: LogRow | None = None
    while parts := await ports(request).run(parts_after, source, last):
        yield parts
        last = parts[-1].row


class LogText:
    """Whole lines, each with what is wanted before it."""

    def __init__(self, redact: Redacting, *, has_times: bool, has_names: bool) -> None:
        self._redact = redact
        self._has_times, self._has_names = has_times, has_names
        self._lines = Lines()
        self._names: dict[str, str] = {}

    def unnamed(self, parts: Sequence[PartInOrder]) -> list[str]:
        return list({part.row.task_id for part in parts} - self._names.keys())

    def of(self, parts: Sequence[PartInOrder], names: Mapping[str, str]) -> str:
        self._names |= names
        return "".join(map(self._of_part, parts))

    def _of_part(self, part: PartInOrder) -> str:
        row = part.row
        text = self._lines.add(row.task_id, self._redact.value(row.contents))
        if part.is_last:
            text += self._lines.rest_of(row.task_id)
        return self._prefixed(row, text) if text else ""

    def _prefixed(self, row: LogRow, text: str) -> str:
        if not (self._has_times or self._has_names):
            return text
        at = f"{row.created_at.isoformat(timespec='milliseconds')} " if self._has_times else ""
        name = (
            f"{self._redact.value(self._names.get(row.task_id, ''))} | " if self._has_names else ""
        )
        lines = text.removesuffix("\n").split("\n")
        return "".join(f"{at}{name}{line}\n" for line in lines)
