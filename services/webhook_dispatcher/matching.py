"""Which endpoints are told of what happens: by event, rights, tags and filter. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.webhook_dispatcher.store.endpoints import Endpoint
from shared.expressions import Allowance, ExpressionError, as_template, render_value

_MOST_STEPS = 200_000
"""Of a filter, for all that is matched together: a hundred times what filters take."""


class Told(Protocol):
    """What is told, and how."""

    @property
    def name(self) -> str: ...

    @property
    def shown_names(self) -> Mapping[str, object]:
        """What filters read, without secrets."""
        ...

    def body(self, format_: str, payload: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that endpoints may want to be told of. `readers` are as in jobs: who may know of
    it, everybody if there are none. `tags` is None for what has none by its nature."""

    told: Told
    at: datetime
    readers: Collection[str]
    tags: Collection[str] | None
    about: str | None = None
    """The endpoint that it is about, which is not told of itself."""


class Matcher:
    """For what is matched together."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._by_id = {endpoint.id: (endpoint,) for endpoint in endpoints}
        self._by_event: defaultdict[str, list[Endpoint]] = defaultdict(list)
        for endpoint in endpoints:
            for event in endpoint.events:
                self._by_event[event].append(endpoint)
        filters = {endpoint.filter for endpoint in endpoints if endpoint.filter}
        self._allowances = {filter_: Allowance(_MOST_STEPS) for filter_ in filters}
        self.failed: dict[str, ExpressionError] = {}
        """By filter its first failure."""

    def asks(self, event: str, at: datetime) -> bool:
        """Whether anybody wants such events of that time."""
        return any(endpoint.hears_since <= at for endpoint in self._by_event.get(event, ()))

    def told(self, happening: Happening, only: str | None = None) -> Iterator[Endpoint]:
        """Those that are told; with `only` this one, whatever it wants. Raises what `happening`
        raises when it is read."""
        if only is not None:
            yield from self._by_id.get(only, ())
            return
        wanted: dict[str | None, bool] = {None: True}  # many have the same filter
        for endpoint in self._by_event.get(happening.told.name, ()):
            if not _may_hear(endpoint, happening):
                continue
            if endpoint.filter and endpoint.filter not in wanted:
                wanted[endpoint.filter] = self._is_wanted(endpoint.filter, happening)
            if wanted[endpoint.filter]:
                yield endpoint

    @property
    def costly(self) -> Sequence[str]:
        """The endpoints whose filters took more than they may."""
        costly = {f for f, allowance in self._allowances.items() if allowance.used > _MOST_STEPS}
        return [id_ for id_, (endpoint,) in self._by_id.items() if endpoint.filter in costly]

    def _is_wanted(self, filter_: str, happening: Happening) -> bool:
        names, allowance = happening.told.shown_names, self._allowances[filter_]
        if allowance.used > _MOST_STEPS:
            return False
        try:
            return render_value(as_template(filter_), names, allowance) in (True, "true")
        except ExpressionError as error:  # it can't be true
            self.failed.setdefault(filter_, error)
            return False


def _may_hear(endpoint: Endpoint, happening: Happening) -> bool:
    return (
        happening.at >= endpoint.hears_since
        and happening.about != endpoint.id
        and not (
            happening.readers
            and endpoint.readers is not None
            and endpoint.readers.isdisjoint(happening.readers)
        )
        and not (
            endpoint.tags
            and happening.tags is not None
            and endpoint.tags.isdisjoint(happening.tags)
        )
    )
