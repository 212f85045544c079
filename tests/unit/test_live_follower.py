"""Hub and followers on a feed in memory: everyone sees each row once, in order."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import closing

import pytest

from services.coordinator.live.follower import Follower
from services.coordinator.live.hub import Asked, Hub, HubClosed, Interest, together
from services.coordinator.store.feed import BEGINNING, Cursor, FeedPage, FeedRow
from services.coordinator.store.rows import Readers
from shared.postgres.errors import DatabaseUnavailable

PAGE_ROWS = 4


class FeedInMemory:
    """Rows are there as soon as they are added, but for the next `hidden_reads`. `fail` makes every
    read fail."""

    def __init__(self) -> None:
        self.rows: list[FeedRow] = []
        self.reads = 0
        self.fail = False
        self.hidden_reads = 0

    def add(self, job_id: str = "j", *, readers: Collection[str] = ()) -> None:
        place = Cursor(len(self.rows) + 1, 1)
        row = FeedRow(
            cursor=place, job_id=job_id, job_name="", readers=frozenset(readers), sealed=None
        )
        self.rows.append(row)

    async def page(
        self,
        after: Cursor,
        *,
        jobs: Collection[str] | None,
        readers: Readers,
        with_logs: bool = True,
    ) -> FeedPage:
        del readers, with_logs
        return await self._page(after, jobs)

    async def page_of_job(
        self, after: Cursor, job_id: str, *, task_id: str | None = None, with_logs: bool = True
    ) -> FeedPage:
        del task_id, with_logs
        return await self._page(after, [job_id])

    async def _page(self, after: Cursor, jobs: Collection[str] | None) -> FeedPage:
        if self.fail:
            raise DatabaseUnavailable("away")
        self.reads += 1
        if self.hidden_reads:
            self.hidden_reads -= 1
            return FeedPage([], after, is_last=True)
        horizon = Cursor(len(self.rows) + 1, 0)
        found = [r for r in self.rows if r.cursor > after and (jobs is None or r.job_id in jobs)]
        await asyncio.sleep(0)  # others act between what was found and the answer
        page = found[:PAGE_ROWS]
        if len(page) == PAGE_ROWS:
            return FeedPage(page, page[-1].cursor, is_last=False)
        return FeedPage(page, horizon, is_last=True)


@pytest.fixture
def feed() -> FeedInMemory:
    return FeedInMemory()


@pytest.fixture
async def hub(feed: FeedInMemory) -> AsyncIterator[Hub]:
    hub = Hub(feed, capacity_rows=5)
    yield hub
    await hub.close()


def follower(feed: FeedInMemory, hub: Hub, interest: Interest) -> Follower:
    return Follower(feed, hub, interest, BEGINNING)  # type: ignore[arg-type]  # as good as a feed


async def read(following: Follower, count: int) -> list[int]:
    """The places of the next `count` rows."""
    places: list[int] = []
    async with asyncio.timeout(60):
        while len(places) < count:
            places += [row.cursor.txid for row in await following.rows(1)]
    return places


async def test_followers_who_join_at_any_moment_see_every_row_once(
    feed: FeedInMemory, hub: Hub
) -> None:
    async def write() -> None:
        for n in range(200):
            feed.add()
            await asyncio.sleep(0.001 if n % 3 else 0)

    async def follow(yields: int) -> list[int]:
        for _ in range(yields):
            await asyncio.sleep(0)
        with closing(follower(feed, hub, Interest("j"))) as following:
            return await read(following, 200)

    writing = asyncio.create_task(write())
    assert await asyncio.gather(*map(follow, range(20))) == [list(range(1, 201))] * 20
    await writing


async def test_a_follower_who_falls_behind_the_hub_reads_on_by_itself(
    feed: FeedInMemory, hub: Hub
) -> None:
    with (
        closing(follower(feed, hub, Interest())) as slow,
        closing(follower(feed, hub, Interest())) as quick,
    ):
        feed.add()
        await read(slow, 1)
        await slow.rows(0)
        assert slow.is_live
        for _ in range(50):  # ten times what the hub keeps for it
            feed.add()
        assert len(await read(quick, 51)) == 51
        assert await read(slow, 50) == list(range(2, 52))


@pytest.mark.parametrize("hidden_reads", [0, 1])
async def test_what_is_committed_here_is_read_at_once_also_if_an_older_transaction_still_runs(
    feed: FeedInMemory, hub: Hub, monkeypatch: pytest.MonkeyPatch, hidden_reads: int
) -> None:
    monkeypatch.setattr("services.coordinator.live.hub._SECONDS", 600)
    monkeypatch.setattr("services.coordinator.live.hub._LONGEST_SECONDS", 600)
    with closing(follower(feed, hub, Interest("j"))) as following:
        await following.rows(0)
        assert following.is_live
        for place in (1, 2):
            feed.add()
            feed.hidden_reads = hidden_reads
            hub.look()
            assert await read(following, 1) == [place]


async def test_one_query_serves_all_followers(feed: FeedInMemory, hub: Hub) -> None:
    followers = [follower(feed, hub, Interest("j")) for _ in range(50)]
    await asyncio.gather(*(following.rows(0) for following in followers))
    assert all(following.is_live for following in followers)
    before = feed.reads
    feed.add()
    assert await asyncio.gather(*(read(following, 1) for following in followers)) == [[1]] * 50
    assert feed.reads - before < 10
    for following in followers:
        following.close()


async def test_nothing_is_asked_while_nobody_follows(feed: FeedInMemory, hub: Hub) -> None:
    with closing(follower(feed, hub, Interest())) as following:
        await following.rows(0)
        poller = hub._poller
    assert poller is not None
    async with asyncio.timeout(60):
        await poller


async def test_followers_go_on_after_the_database_was_away(feed: FeedInMemory, hub: Hub) -> None:
    with closing(follower(feed, hub, Interest())) as following:
        feed.add()
        assert await read(following, 1) == [1]
        feed.fail = True
        async with asyncio.timeout(60):
            while not hub._failures:
                assert not await following.rows(0.1)
        feed.add()
        feed.fail = False
        assert await read(following, 1) == [2]


async def test_rows_of_jobs_one_may_not_see_are_not_brought(feed: FeedInMemory, hub: Hub) -> None:
    feed.add()
    mine = Interest(readers=frozenset({"user:me", "role:public"}))
    with (
        closing(follower(feed, hub, mine)) as me,
        closing(follower(feed, hub, Interest())) as admin,
    ):
        assert await read(me, 1) == [1]
        assert await read(admin, 1) == [1]
        while not (me.is_live and admin.is_live):
            await asyncio.gather(me.rows(0), admin.rows(0))
        feed.add("secret", readers=["user:you"])
        feed.add("shared", readers=["user:me"])
        feed.add("open")
        assert await read(me, 2) == [3, 4]
        assert await read(admin, 3) == [2, 3, 4]


async def test_followers_end_with_the_hub(feed: FeedInMemory, hub: Hub) -> None:
    with closing(follower(feed, hub, Interest())) as following:
        await following.rows(0)
        waiting = asyncio.create_task(following.rows(60))
        await asyncio.sleep(0)
        await hub.close()
        with pytest.raises(HubClosed):
            await waiting
        with pytest.raises(HubClosed):
            await following.rows(60)
    with pytest.raises(HubClosed):
        await follower(feed, hub, Interest()).rows(0)


@pytest.mark.parametrize(
    ("interests", "asked"),
    [
        ([Interest("a"), Interest("b"), Interest("a")], Asked(["a", "b"], None)),
        (
            [Interest(readers=frozenset("x")), Interest(readers=frozenset("y"))],
            Asked(None, ["x", "y"]),
        ),
        ([Interest(readers=frozenset("x")), Interest()], Asked(None, None)),
        ([Interest(readers=frozenset("x")), Interest("a")], Asked(None, None)),
    ],
)
def test_the_feed_is_asked_for_no_more_than_somebody_follows(
    interests: list[Interest], asked: Asked
) -> None:
    assert together(interests) == asked
