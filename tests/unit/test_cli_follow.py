"""What is made of a job's events: the picture of it, and how that looks."""

import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from rich.console import Console

from cli.api.errors import ApiUnavailable
from cli.api.events import ServerEvent, events_of
from cli.follow.patience import Patience
from cli.follow.picture import Picture
from cli.jobs import watching
from cli.jobs.watching import watcher


async def lines_of(text: str) -> AsyncIterator[str]:
    for line in text.split("\n"):
        yield line


async def read(text: str) -> list[ServerEvent]:
    return [event async for event in events_of(lines_of(text))]


def picture(*events: dict[str, Any]) -> Picture:
    made = Picture("j", "hello", ("greet",))
    for version, data in enumerate(events, start=1):
        made.take_event({"version": version, **data})
    return made


def task(id_: str, state: str, **fields: Any) -> dict[str, Any]:
    return {"taskId": id_, "name": id_, "state": state, **fields}


async def test_events_are_read_past_comments_and_data_in_several_lines() -> None:
    text = ': alive\n\nevent: job\nid: 1-2\ndata: {"a":\ndata: 1}\n\nevent:end\n\n'
    assert await read(text) == [ServerEvent("job", "1-2", {"a": 1}), ServerEvent("end", "", {})]


async def test_an_event_that_was_cut_off_is_not_given() -> None:
    assert await read('event: job\ndata: {"a": 1}') == []


async def test_an_event_that_is_no_json_is_an_error_of_ours() -> None:
    with pytest.raises(ApiUnavailable, match="can't be read"):
        await read("event: job\ndata: <html>\n\n")


def test_an_old_event_changes_nothing() -> None:
    seen = picture(task("t", "RUNNING"))
    seen.take_event(task("t", "COMPLETED", version=5))
    assert seen.take_event(task("t", "RUNNING", version=3)) is None
    assert seen.counts() == {"completed": 1}


def test_an_attempt_that_was_tried_again_is_no_failed_task() -> None:
    seen = picture(task("t1", "FAILED"), task("t2", "RUNNING", attempt=1))
    assert seen.counts() == {"running": 1}
    assert picture(task("t1", "FAILED"), task("t2", "SCHEDULED")).counts() == {
        "waiting": 1,
        "failed": 1,
    }


def test_a_terminal_shows_progress_and_how_many_tasks_are_how_far(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    monkeypatch.setattr(watching, "screen", lambda **_: console)
    seen = picture({"state": "RUNNING", "progress": 40.0}, task("a", "RUNNING"))
    with watcher(seen, with_log=False) as screen:
        failed = seen.take_event(task("b", "FAILED", error="exit code 1: [no]", version=9))
        assert failed is not None
        screen.show(seen, [failed], ())
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for text in ("hello", "40 %", "1 running, 1 failed", "b     | failed: exit code 1: [no]"):
        assert text in shown


async def test_an_api_that_stays_away_ends_the_wait_with_the_reason() -> None:
    patience = Patience(seconds=0)
    with pytest.raises(ApiUnavailable, match="gone"):
        await patience.bear(ApiUnavailable("gone"))
