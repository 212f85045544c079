"""The sources of one task, from where they are to where it finds them."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from conveyor.extensions.files import FilesError
from conveyor.extensions.runtimes import Archive, LogSink, RuntimeRejected
from conveyor.extensions.tasks import Place
from services.worker.files.fetching import Fetcher, Series
from services.worker.files.items import Items
from services.worker.files.progress import Progress, size_text
from services.worker.files.services import FileServices
from services.worker.files.sources import label_of, place_of
from shared.definition import Execution, Source
from shared.files.archives import write_tar
from shared.files.transfers import patiently

_AHEAD = 16
"""Of the parts of one source, how many are asked for before they can be brought. The cache says how
many are fetched at once."""

Bring = Callable[[str, Archive], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Bound:
    """A source and the place it has in its task; `name` is what log and errors call it."""

    source: Source
    name: str
    place: Place


async def bound(sources: Sequence[Source], services: FileServices) -> list[Bound]:
    """Raises RuntimeRejected."""
    found = list[Bound]()
    for number, source in enumerate(sources, 1):
        name = f"source {number} ({label_of(source)})"
        async with naming(name):
            place = await patiently(partial(place_of, source, services))
            found.append(Bound(source, name, place))
    return found


async def bring_all(
    sources: Sequence[Bound],
    services: FileServices,
    bring: Bring,
    log: LogSink,
    execution: Execution | None = None,
) -> None:
    """All are fetched at once, and brought in order: one may lie in the directory of another.
    Raises RuntimeRejected, and what `bring` raises."""
    async with AsyncExitStack() as stack:
        begun = [
            (each, *await _begin(each, services, log, stack, execution))
            for each in sources
            if each.place.bind is None
        ]
        for each, series, progress in begun:
            async with naming(each.name):
                async with aclosing(_archive(series, services)) as archive:
                    await bring(each.place.target, archive)
                await progress.say(_summary(progress))


async def _begin(
    each: Bound,
    services: FileServices,
    log: LogSink,
    stack: AsyncExitStack,
    execution: Execution | None,
) -> tuple[Series, Progress]:
    progress = Progress(log, each.name)
    fetcher = Fetcher(services.cache, services.metrics, progress)
    async with naming(each.name):
        items = Items(services, fetcher, stack, execution)
        series = Series(await patiently(partial(items.of, each.source)), _AHEAD)
    stack.push_async_callback(series.close)
    series.begin()
    return series, progress


async def _archive(series: Series, services: FileServices) -> AsyncGenerator[bytes, None]:
    async for chunk in write_tar(series.members()):
        services.metrics.brought.inc(len(chunk))
        yield chunk


def _summary(progress: Progress) -> str:
    return f"{size_text(progress.done)} fetched" if progress.done else "nothing had to be fetched"


@asynccontextmanager
async def naming(name: str) -> AsyncIterator[None]:
    """What is refused in here says what it is about."""
    try:
        yield
    except (FilesError, RuntimeRejected) as error:
        raise RuntimeRejected(f"{name}: {error}") from error
