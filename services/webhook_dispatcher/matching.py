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
_MOST_STEPS_OF_OWNER = 2 * _MOST_STEPS
"""Of the filters of one owner: whoever has many endpoints must not take the time of all others."""
_ENOUGH_STEPS = 5 * _MOST_STEPS
_LAST_STEPS_OF_OWNER = 10 * _MOST_STEPS
"""After these all filters of the owner fail. That takes a single row of costly ones."""


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
        self._allowances: defaultdict[str, dict[str, Allowance]] = defaultdict(dict)
        """By owner and filter, without those that are too costly."""
        for endpoint in endpoints:
            if endpoint.filter:
                self._allowances[endpoint.owner][endpoint.filter] = Allowance(_MOST_STEPS)
        self._steps: defaultdict[str, int] = defaultdict(int)
        """By owner, of all that were matched."""
        self._costly: set[tuple[str, str]] = set()
        """Owners and their filters."""
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
            filter_ = endpoint.filter
            if filter_ and (endpoint.owner, filter_) in self._costly:
                continue
            if filter_ and filter_ not in wanted:
                wanted[filter_] = self._is_wanted(endpoint, filter_, happening)
            if wanted[filter_]:
                yield endpoint

    @property
    def has_taken_enough(self) -> bool:
        """What is left should be matched another time."""
        return sum(self._steps.values()) > _ENOUGH_STEPS

    @property
    def costly(self) -> Sequence[str]:
        """The endpoints whose filters took more than they may."""
        return [
            id_
            for id_, (endpoint,) in self._by_id.items()
            if endpoint.filter and (endpoint.owner, endpoint.filter) in self._costly
        ]

    def _is_wanted(self, endpoint: Endpoint, filter_: str, happening: Happening) -> bool:
        names = happening.told.shown_names
        allowance = self._allowances[endpoint.owner][filter_]
        before = allowance.used
        try:
            if self._steps[endpoint.owner] > _LAST_STEPS_OF_OWNER:
                raise ExpressionError("the filters of its owner take too long together")
            return render_value(as_template(filter_), names, allowance) in (True, "true")
        except ExpressionError as error:  # it can't be true
            self.failed.setdefault(filter_, error)
            return False
        finally:
            self._steps[endpoint.owner] += allowance.used - before
            self._judge(endpoint.owner)

    def _judge(self, owner: str) -> None:
        """Whether the costliest filter of `owner` is too costly; the others may go on."""
        used = {filter_: each.used for filter_, each in self._allowances[owner].items()}
        costliest = max(used, key=lambda filter_: used[filter_])
        if used[costliest] > _MOST_STEPS or sum(used.values()) > _MOST_STEPS_OF_OWNER:
            del self._allowances[owner][costliest]
            self._costly.add((owner, costliest))


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
