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
        self._allowances = {e.id: Allowance(_MOST_STEPS) for e in endpoints if e.filter}
        self.failed: dict[str, ExpressionError] = {}
        """By endpoint the first failure of its filter, which tells nothing then."""

    def asks(self, event: str, at: datetime) -> bool:
        """Whether anybody wants such events of that time."""
        return any(endpoint.hears_since <= at for endpoint in self._by_event.get(event, ()))

    def told(self, happening: Happening, only: str | None = None) -> Iterator[Endpoint]:
        """Those that are told; with `only` this one, whatever it wants. Raises what `happening`
        raises when it is read."""
        if only is not None:
            yield from self._by_id.get(only, ())
            return
        for endpoint in self._by_event.get(happening.told.name, ()):
            if _may_hear(endpoint, happening) and self._is_wanted(endpoint, happening):
                yield endpoint

    @property
    def costly(self) -> Sequence[str]:
        """The endpoints whose filters took more than they may."""
        return [id_ for id_, allowance in self._allowances.items() if allowance.used > _MOST_STEPS]

    def _is_wanted(self, endpoint: Endpoint, happening: Happening) -> bool:
        if endpoint.filter is None:
            return True
        names, allowance = happening.told.shown_names, self._allowances[endpoint.id]
        if allowance.used > _MOST_STEPS:
            return False
        try:
            return render_value(as_template(endpoint.filter), names, allowance) in (True, "true")
        except ExpressionError as error:  # it can't be true
            self.failed.setdefault(endpoint.id, error)
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
