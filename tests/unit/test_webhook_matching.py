"""What filters of endpoints may take: nobody's hold up what others are told."""

from datetime import UTC, datetime

from services.webhook_dispatcher.matching import Happening, Matcher
from services.webhook_dispatcher.store.endpoints import Endpoint
from shared.expressions import Allowance, as_template, render_value

_AT = datetime(2026, 1, 2, tzinfo=UTC)


class _Told:
    name = "job.StateChange"

    def __init__(self) -> None:
        self.shown_names = {"event": self.name}

    def body(self, format_: str, payload: str) -> bytes:
        return b"{}"


def _endpoint(id_: str, owner: str, filter_: str) -> Endpoint:
    return Endpoint(
        id=id_,
        owner=owner,
        events=[_Told.name],
        filter=filter_,
        tags=frozenset(),
        format="standard",
        payload="full",
        hears_since=_AT,
        readers=None,
    )


def test_many_filters_of_one_owner_that_are_costly_together_are_cut_off() -> None:
    # Given filters that take less than one may, and together more than a transaction lasts
    filters = [f"count(1..20000, # == {number}) > 1" for number in range(100)]
    one = Allowance(1_000_000)
    render_value(as_template(filters[0]), {}, one)
    costly = [_endpoint(f"a{n}", "ann", filter_) for n, filter_ in enumerate(filters)]
    matcher = Matcher([*costly, _endpoint("b", "bob", "event == 'job.StateChange'")])
    # When one thing has happened
    happening = Happening(_Told(), _AT, (), None)
    told = [endpoint.id for endpoint in matcher.told(happening)]
    # Then the others are told, a few filters were evaluated, and are not evaluated again
    assert told == ["b"]
    assert matcher.has_taken_enough
    evaluated = 2_000_000 // one.used + 1
    assert evaluated - 3 <= len(matcher.costly) <= evaluated
    assert {id_[0] for id_ in matcher.costly} == {"a"}
