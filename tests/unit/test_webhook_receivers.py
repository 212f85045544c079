"""A receiver that is slow or dead delays no other."""

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from random import Random
from statistics import quantiles

import pytest

from services.webhook_dispatcher.receivers import Begun, Ending, Limits, Receivers
from shared.jobspec.urls import receiver_of

LIMITS = Limits(total=8, per_receiver=4)


@dataclass(frozen=True)
class Due:
    receiver: str
    owner: str = "ann"
    at: float = 0.0


def picked(receivers: Receivers, *due: Due, now: float = 0) -> list[tuple[str, str]]:
    return [(call.owner, call.receiver) for call, _ in receivers.pick(due, now)]


def answered(receivers: Receivers, *names: str) -> None:
    """Each has answered often enough to have all its places."""
    for name in names * 3:
        begun = receivers.begin(name, "zoe", 0)
        assert begun
        receivers.end(begun, 0, Ending.ANSWERED)


def failed(receivers: Receivers, name: str, times: int, now: float = 0) -> None:
    for _ in range(times):
        begun = receivers.begin(name, "zoe", now)
        assert begun
        receivers.end(begun, now, Ending.FAILED)


def test_owners_take_turns_and_so_do_the_receivers_of_each() -> None:
    receivers = Receivers(LIMITS)
    answered(receivers, "a", "b", "c")
    due = [*[Due("a")] * 3, Due("b"), *[Due("c", "bob")] * 2]
    turns = [("ann", "a"), ("bob", "c"), ("ann", "b"), ("bob", "c"), ("ann", "a"), ("ann", "a")]
    assert picked(receivers, *due) == turns


def test_a_receiver_has_at_most_its_places() -> None:
    receivers = Receivers(LIMITS)
    answered(receivers, "a")
    assert Counter(picked(receivers, *[Due("a")] * 9)) == {("ann", "a"): 4}
    assert receivers.full(0) == ["a"]
    assert picked(receivers, Due("a"), Due("b")) == [("ann", "b")]


def test_the_places_in_all_are_never_exceeded() -> None:
    receivers = Receivers(LIMITS)
    names = [f"r{n}" for n in range(9)]
    answered(receivers, *names)
    assert len(picked(receivers, *(Due(name) for name in names * 4))) == 8
    assert receivers.room == 0
    assert receivers.begin("r8", "ann", 0) is None


def test_new_receivers_leave_half_of_the_places_and_an_owner_half_of_theirs() -> None:
    receivers = Receivers(LIMITS)
    answered(receivers, "good")
    unknown = [Due(f"r{n}", owner) for n in range(9) for owner in ("ann", "bob", "cyd")]
    owners = Counter(owner for owner, _ in picked(receivers, *unknown))
    assert sum(owners.values()) == 4
    assert max(owners.values()) == 2
    assert len(picked(receivers, *[Due("good")] * 9)) == 2


def test_good_receivers_that_hang_all_at_once_leave_places_to_the_others() -> None:
    receivers = Receivers(Limits(total=400, per_receiver=10))
    names = [f"r{n}" for n in range(100)]
    answered(receivers, *names)
    for _ in range(10):
        picked(receivers, *(Due(name) for name in names[:50] * 10))
    assert len(picked(receivers, *(Due(name) for name in names[50:]))) == 50
    assert receivers.room > 50


def test_receivers_that_fail_leave_places_to_new_ones_of_the_same_owner() -> None:
    receivers = Receivers(LIMITS)
    for name in ("a", "b", "c", "d", "e"):
        failed(receivers, name, 1)
    failing = [Due("a", "ann"), Due("b", "ann"), Due("c", "bob"), Due("d", "cyd")]
    assert picked(receivers, *failing) == [("ann", "a"), ("bob", "c")]
    assert picked(receivers, Due("new", "ann")) == [("ann", "new")]


def test_calls_are_taken_several_for_a_place_as_long_as_their_receiver_answers_quickly() -> None:
    receivers, sizes = Receivers(LIMITS), [0]
    for seconds, ending in ((0.2, Ending.ANSWERED), (0.01, Ending.ANSWERED), (0.0, Ending.FAILED)):
        begun = receivers.begin("a", "ann", 0)
        assert begun
        receivers.end(begun, seconds, ending)
        sizes.append(receivers.batch("a"))
    assert sizes[1] == sizes[3] == 1
    assert sizes[2] > 1


def test_a_call_that_was_not_sent_says_nothing_of_its_receiver() -> None:
    receivers = Receivers(LIMITS)
    for _ in range(9):
        begun = receivers.begin("a", "ann", 0)
        assert begun
        receivers.end(begun, 0, Ending.UNSENT)
    assert picked(receivers, *[Due("a")] * 2) == [("ann", "a")]


def test_a_receiver_that_fails_again_and_again_is_left_alone_and_then_tried_with_one_call() -> None:
    receivers = Receivers(LIMITS)
    answered(receivers, "a")
    failed(receivers, "a", 5)
    assert receivers.full(4.9) == ["a"]
    assert receivers.next_end_of_pause(1) == 4
    assert picked(receivers, *[Due("a")] * 3, now=4.9) == []
    # One call finds out; the next pause is longer, and at some time no longer
    assert receivers.next_end_of_pause(5) is None
    pauses, now = [], 5.0
    for _ in range(8):
        failed(receivers, "a", 1, now)
        pause = receivers.next_end_of_pause(now)
        assert pause is not None
        pauses.append(pause)
        now += pause
    assert pauses == [10, 20, 40, 60, 60, 60, 60, 60]
    [(_, begun)] = receivers.pick([Due("a")] * 3, now)
    receivers.end(begun, now, Ending.ANSWERED)
    assert len(receivers.pick([Due("a")] * 3, now)) >= 2


def test_what_is_long_unused_is_forgotten_and_never_what_is_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.webhook_dispatcher.receivers._MOST_KNOWN", 2)
    receivers = Receivers(LIMITS)
    held = receivers.begin("held", "ann", 0)
    assert held
    failed(receivers, "bad", 5)
    answered(receivers, "b")
    assert picked(receivers, Due("bad")) == [("ann", "bad")]
    receivers.end(held, 0, Ending.ANSWERED)


@pytest.mark.parametrize(
    ("url", "receiver"),
    [
        ("https://CI.example./a?b", "https://ci.example:443"),
        ("http://ci.example", "http://ci.example:80"),
        ("http://[::1]:8080/x", "http://::1:8080"),
        ("http://[0:0::0:1]:8080/x", "http://::1:8080"),
        ("https://BÜCHER.example", "https://xn--bcher-kva.example:443"),
        *((url, "") for url in ("http://h:x", "", "not a url", "mailto:x")),
    ],
)
def test_a_receiver_is_a_scheme_a_host_and_a_port(url: str, receiver: str) -> None:
    assert receiver_of(url) == receiver


def waits(hanging: int, owners: int) -> list[float]:
    """From due to begun, in seconds, of calls to those of 100 receivers that answer after 10 ms;
    the others end after 15 s as failures. A call in 20 ms on average for two minutes, each begun
    as it would be from the rows: the first ones of each receiver that has a place."""
    receivers, random, numbers = Receivers(Limits(400, 10)), Random(1), count()
    dead = {f"r{n}" for n in range(hanging)}
    due: dict[str, deque[Due]] = defaultdict(deque)
    running: list[tuple[float, int, Begun]] = []
    waited: list[float] = []
    for at in sorted(random.uniform(0, 120) for _ in range(6000)):
        while running and running[0][0] <= at:
            now, _, begun = heapq.heappop(running)
            receivers.end(begun, now, Ending.FAILED if begun.receiver in dead else Ending.ANSWERED)
            waited += begin_all(receivers, due, running, numbers, now, dead)
        name = f"r{random.randrange(100)}"
        due[name].append(Due(name, f"o{random.randrange(owners)}", at))
        waited += begin_all(receivers, due, running, numbers, at, dead)
    assert not any(due[name] for name in due.keys() - dead)
    return waited


def begin_all(
    receivers: Receivers,
    due: dict[str, deque[Due]],
    running: list[tuple[float, int, Begun]],
    numbers: "count[int]",
    now: float,
    dead: set[str],
) -> Iterator[float]:
    full = set(receivers.full(now))
    free = [name for name in due if name not in full]
    first = [call for name in free for call in islice(due[name], 4)]
    for call, begun in receivers.pick(first, now):
        due[call.receiver].remove(call)
        is_dead = call.receiver in dead
        heapq.heappush(running, (now + (15 if is_dead else 0.01), next(numbers), begun))
        if not is_dead:
            yield now - call.at


@pytest.mark.parametrize("owners", [1, 20])
def test_receivers_that_hang_do_not_delay_the_calls_of_the_others(owners: int) -> None:
    # Given how long calls take without and with half of the receivers hanging
    before, after = (quantiles(waits(n, owners), n=100)[98] + 0.01 for n in (0, 50))
    # I expect that the 99th percentile stays within 1.5 times
    assert after <= 1.5 * before
