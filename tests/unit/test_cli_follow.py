"""What is made of a job's events: the picture of it, and how that looks."""

import io
from typing import Any

import pytest
from rich.console import Console

from cli.follow.log import LogLine, LogLines, LogReader, LogSource
from cli.follow.patience import Patience
from cli.follow.picture import Children, Picture
from cli.jobs.viewers import job_viewer
from cli.views import Json, LogPartView, job_view
from conveyor import AsyncClient, Unavailable


def picture(*events: dict[str, Any]) -> Picture:
    made = Picture("j", "hello", ("greet",))
    for version, data in enumerate(events, start=1):
        made.take_event({"version": version, **data})
    return made


def task(id_: str, state: str, **fields: Any) -> dict[str, Any]:
    return {"taskId": id_, "name": id_, "state": state, **fields}


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


def test_a_terminal_shows_progress_and_how_many_tasks_are_how_far() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    seen = picture({"state": "RUNNING", "progress": 40.0}, task("a", "RUNNING"))
    with job_viewer(seen, console, console, with_log=False) as viewer:
        failed = seen.take_event(task("b", "FAILED", error="exit code 1: [no]", version=9))
        assert failed is not None
        viewer.show(seen, [failed], ())
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for text in ("hello", "40 %", "1 running, 1 failed", "b     | failed: exit code 1: [no]"):
        assert text in shown


def test_below_the_bar_stands_what_runs_or_why_nothing_does() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    seen = picture(
        {"state": "RUNNING"},
        task("all", "RUNNING"),
        *(
            task(f"item {n}", "RUNNING", parentId="all", at="2024-05-01T12:00:00Z")
            for n in range(7)
        ),
    )
    seen.children["all"] = Children(total=199, ended=104)
    seen.waits_for = {"reason": "busy", "message": "4 of 4 slots busy, 2 ahead"}
    with job_viewer(seen, console, console, with_log=False):
        pass
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for text in ("104 of 199 done  all", "item 3", "3 more", "waiting: 4 of 4 slots busy, 2 ahead"):
        assert text in shown
    assert "item 5" not in shown
    assert seen.counts() == {"running": 8, "waiting": 192}


def test_states_that_are_over_when_it_begins_are_not_told() -> None:
    answer = {"id": "j", "name": "x", "state": "RUNNING", "tasks": []}
    seen = Picture.of(job_view(answer))
    states = []
    for version, state in enumerate(("PENDING", "SCHEDULED", "RUNNING", "FAILED", "PENDING")):
        seen.take_event({"version": version, "state": state})
        states.append(seen.state)
    assert states == ["RUNNING", "RUNNING", "RUNNING", "FAILED", "PENDING"]


async def test_an_api_that_stays_away_ends_the_wait_with_the_reason() -> None:
    patience = Patience(seconds=0)
    with pytest.raises(Unavailable, match="gone"):
        await patience.bear(Unavailable("gone"))


def test_a_pipe_gets_plain_lines_of_starts_progress_output_and_ends() -> None:
    console = Console(file=io.StringIO(), width=40)
    seen = picture()
    with job_viewer(seen, console, console, with_log=True) as viewer:
        for version, news in enumerate(
            (
                task("greet", "RUNNING"),
                task("greet", "RUNNING", progress=50.0),
                task("greet", "COMPLETED"),
                task("count", "FAILED", error="exit code 3: no"),
            ),
            start=1,
        ):
            line = LogLine("greet", "[bold]this is not markup, and longer than the screen")
            lines = [line] if news["state"] == "COMPLETED" else []
            viewer.show(seen, (), lines)
            taken = seen.take_event({"version": version, **news})
            assert taken is not None
            viewer.show(seen, [taken], ())
    assert isinstance(console.file, io.StringIO)
    assert [line for line in console.file.getvalue().splitlines() if "|" in line] == [
        "greet | running",
        "greet | running 50 %",
        "greet | [bold]this is not markup, and longer than the screen",
        "greet | completed",
        "count | failed: exit code 3: no",
    ]


def parts(*numbers_and_texts: tuple[int, str]) -> list[LogPartView]:
    return [LogPartView("greet", number, text) for number, text in numbers_and_texts]


def texts_of(lines: list[LogLine]) -> list[str]:
    return [line.text for line in lines]


def test_log_lines_are_whole_and_in_order_however_the_log_was_cut() -> None:
    log = LogLines()
    cut = parts((1, "a\nb"), (3, "d"), (2, "c\n"), (4, "e\nf"))
    shown = [text for part in cut for text in texts_of(log.add(part))]
    assert shown + texts_of(log.unfinished()) == ["a", "bc", "de", "f"]


def test_lines_of_stderr_are_marked_in_whatever_part_they_end() -> None:
    log = LogLines()
    first = LogPartView("greet", 1, "out\nerr", stderr=[(2, 2)])
    second = LogPartView("greet", 2, "or\nout\n", stderr=[(1, 1)])
    shown = [*log.add(first), *log.add(second)]
    assert [(line.text, line.is_stderr) for line in shown] == [
        *(("out", False), ("error", True), ("out", False))
    ]


async def test_a_log_that_is_read_again_gives_only_what_is_new() -> None:
    # Given a log of which more parts arrive between two looks, two on a page
    class Growing(AsyncClient):
        def __init__(self) -> None:
            self.parts: list[LogPartView] = []

        async def request(self, method: str, path: str, **parts: Any) -> Json:
            page = parts["query"]["page"]
            newest_first: list[Json] = [
                {"taskId": part.task_id, "number": part.number, "contents": part.contents}
                for part in self.parts[::-1]
            ]
            return {"items": newest_first[2 * (page - 1) : 2 * page]}

    api = Growing()
    reader = LogReader(api, LogSource("job", "j"))
    shown = []
    for new in (parts((1, "a\nb")), parts((2, "c\n"), (3, "d")), [], parts((4, "e\nf"))):
        api.parts += new
        shown += texts_of(await reader.new_lines())
    assert shown + texts_of(reader.unfinished()) == ["a", "bc", "de", "f"]
