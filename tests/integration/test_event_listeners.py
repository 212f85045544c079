"""Event listeners of other packages: told of every change, in order, at least once."""

import asyncio
from collections.abc import AsyncIterator
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from conveyor.extensions.listeners import Change
from services.webhook_dispatcher import app
from services.webhook_dispatcher.following import Following
from services.webhook_dispatcher.listeners import Listening
from services.webhook_dispatcher.settings import DispatcherSettings
from shared.postgres.errors import DatabaseUnavailable
from shared.process import extensions
from shared.process.extensions import Group
from shared.process.run import Stop
from shared.process.sealing import Sealer
from shared.wiring import Resources
from tests.support.http.event_streams import add_event, change
from tests.support.jobs.batcher import Rig, batcher_rig

pytestmark = pytest.mark.real


class Listener:
    """Remembers what it was told; raises the next of `errors` first."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.calls = 0
        self.last: Change
        self.errors: list[Exception] = []
        self.is_called = asyncio.Event()
        self.may_return = asyncio.Event()
        self.may_return.set()

    async def __call__(self, changes: list[Change]) -> None:
        self.calls += 1
        self.is_called.set()
        await self.may_return.wait()
        if self.errors:
            raise self.errors.pop(0)
        self.told += [change["version"] for change in changes]
        self.last = changes[-1]


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


@pytest.fixture
def listener() -> Listener:
    return Listener()


async def listening(rig: Rig, listener: Listener) -> Listening:
    """A teller that has nothing to tell yet."""
    teller = Listening(rig.pool, rig.sealer, "audit", listener)
    assert await teller.tell_news() is None
    return teller


async def test_a_listener_is_told_all_changes_in_order_from_its_first_start_on(
    rig: Rig, listener: Listener
) -> None:
    await add_event(rig.pool, change("before", 1))
    teller = await listening(rig, listener)
    for version in range(1, 251):
        await add_event(rig.pool, change("j", version))
    while await teller.tell_news() == 0:
        pass
    assert listener.told == list(range(1, 251))
    assert listener.last["state"] == "RUNNING"
    # And a dispatcher that starts later goes on there
    await add_event(rig.pool, change("j", 251))
    await Listening(rig.pool, rig.sealer, "audit", listener).tell_news()
    assert listener.told[-2:] == [250, 251]


async def test_what_a_listener_failed_on_is_told_again_after_a_while(
    rig: Rig, listener: Listener
) -> None:
    teller = await listening(rig, listener)
    await add_event(rig.pool, change("j", 1))
    listener.errors = [ValueError("boom")]
    await teller.tell_news()
    assert listener.told == []
    await add_event(rig.pool, change("j", 2))
    assert await teller.tell_news() is None  # not at once
    assert listener.calls == 1
    await rig.pool.execute("UPDATE feed_cursors SET claimed_until = now()")
    await teller.tell_news()
    assert listener.told == [1, 2]
    assert await rig.pool.fetchval("SELECT failures FROM feed_cursors") == 0


async def test_of_many_dispatchers_one_tells_a_listener_at_a_time(
    rig: Rig, listener: Listener
) -> None:
    teller = await listening(rig, listener)
    await add_event(rig.pool, change("j", 1))
    listener.may_return.clear()
    telling = asyncio.create_task(teller.tell_news())
    await listener.is_called.wait()
    others = [Listening(rig.pool, rig.sealer, "audit", listener) for _ in range(3)]
    assert await asyncio.gather(*(other.tell_news() for other in others)) == [None] * 3
    listener.may_return.set()
    await telling
    assert listener.told == [1]


async def test_a_listener_at_work_holds_up_nobody_who_follows_the_feed(
    rig: Rig, listener: Listener
) -> None:
    teller = await listening(rig, listener)
    await add_event(rig.pool, change("j", 1))
    listener.may_return.clear()
    telling = asyncio.create_task(teller.tell_news())
    await listener.is_called.wait()
    other = Listener()
    others = Listening(rig.pool, rig.sealer, "other", other)
    await others.tell_news()
    await add_event(rig.pool, change("j", 2))
    await others.tell_news()
    assert other.told == [2]
    listener.may_return.set()
    await telling


async def test_a_listener_is_told_no_secrets(rig: Rig, listener: Listener) -> None:
    teller = await listening(rig, listener)
    job_id = await rig.submit([{"name": "a", "run": "true"}], secrets={"key": "hunter2secret"})
    await add_event(rig.pool, change(job_id, 9, error="bad key hunter2secret"))
    await teller.tell_news()
    assert listener.last["error"] == "bad key [REDACTED]"


def with_entry_point(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    points = EntryPoints([EntryPoint("audit", target, Group.EVENT_LISTENERS)])
    monkeypatch.setattr(extensions, "entry_points", points.select)


heard: list[Change] = []


async def on_changes(changes: list[Change]) -> None:
    heard.extend(changes)


async def test_a_running_dispatcher_tells_the_listeners_that_the_operator_names(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_entry_point(monkeypatch, f"{__name__}:on_changes")
    settings = DispatcherSettings.model_validate(
        {
            "broker": {"url": "amqp://given"},
            "postgres": {"dsn": "postgresql://given"},
            "listeners": {"names": "audit"},
        }
    )
    stop = Stop()
    running = asyncio.create_task(app.run(settings, Resources(rig.broker, rig.pool), stop))
    async with asyncio.timeout(60):
        while not await rig.pool.fetchval("SELECT count(*) FROM feed_cursors WHERE name = 'audit'"):
            await asyncio.sleep(0.02)
        await add_event(rig.pool, change("j", 1))
        while not heard:
            await asyncio.sleep(0.02)
        stop.request()
        await running
    assert [change["job_id"] for change in heard] == ["j"]


async def test_endpoints_wait_for_the_migration_that_adds_their_cursor(rig: Rig) -> None:
    await rig.pool.execute("DELETE FROM feed_cursors")

    with pytest.raises(DatabaseUnavailable, match="is the schema up to date"):
        await Following(rig.pool, Sealer(), asyncio.Event()).take_news()
