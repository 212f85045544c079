"""Reads a log page by page: all of it, or what is new since the last time."""

from collections.abc import Set

from cli.api.client import ApiClient, LogSource
from cli.api.session import Json
from cli.api.views import log_part_view
from cli.follow.log_lines import LogLine, LogLines


async def whole_log(api: ApiClient, source: LogSource) -> list[Json]:
    """All parts of a log as the API gives them, oldest first."""
    return (await LogPages(api, source).new_parts())[::-1]


class LogPages:
    """Gives each part of a log once."""

    def __init__(self, api: ApiClient, source: LogSource) -> None:
        self._api = api
        self._source = source
        self._seen: set[tuple[str, int]] = set()

    async def new_parts(self, of_tasks: Set[str] | None = None) -> list[Json]:
        """Newest first, as the pages are: so reading ends where something seen appears.

        Of tasks that aren't among `of_tasks` (None: all), parts are left for another time.
        """
        found: dict[tuple[str, int], Json] = {}
        page = 1
        while parts := await self._api.log(self._source, page):
            unseen = {_key(part): part for part in parts if _key(part) not in self._seen}
            found |= unseen
            if len(unseen) < len(parts):
                break
            page += 1
        # Marked when all pages are read: parts move on to later pages while new ones arrive.
        taken = {key: p for key, p in found.items() if of_tasks is None or key[0] in of_tasks}
        self._seen.update(taken)
        return list(taken.values())


class LogReader:
    """The lines that are new in a log, each task's in order."""

    def __init__(self, api: ApiClient, source: LogSource) -> None:
        self._pages = LogPages(api, source)
        self._lines = LogLines()

    @property
    def has_gaps(self) -> bool:
        return self._lines.has_gaps

    async def new_lines(self, of_tasks: Set[str] | None = None) -> list[LogLine]:
        parts = await self._pages.new_parts(of_tasks)
        return [line for part in parts[::-1] for line in self._lines.add(log_part_view(part))]

    def unfinished(self) -> list[LogLine]:
        return self._lines.unfinished()


def _key(part: Json) -> tuple[str, int]:
    return part["taskId"], part["number"]
