"""What the demo shows of a job, and in which order."""

import io
from collections.abc import Iterable, Sequence

import pytest
import yaml
from rich.console import Console

from cli.api.client import ApiClient, LogSource
from cli.api.session import Json
from cli.api.views import JobView, LogPartView, TaskView
from cli.demo.job_file import EXAMPLE, wants_image, with_image
from cli.demo.screen import LiveScreen, PlainScreen
from cli.follow.log_lines import LogLine
from cli.follow.polling import poll


def task(id_: str, state: str, position: int = 1, **more: object) -> TaskView:
    fields = {"name": id_, "progress": 0.0, "error": None, "attempt": 0, **more}
    return TaskView(id=id_, position=position, state=state, **fields)  # type: ignore[arg-type]  # a test's shorthand


def job(state: str, *execution: TaskView, **more: object) -> JobView:
    names = ("greet", "count")
    fields = {"progress": 0.0, "result": None, "error": None, "task_names": names, **more}
    return JobView(id="j", name="hello", state=state, execution=execution, **fields)  # type: ignore[arg-type]  # a test's shorthand


class ScriptedApi(ApiClient):
    """Answers with the next of the given jobs, and with the log as it was at that moment."""

    def __init__(self, moments: Iterable[tuple[JobView, Sequence[LogPartView]]]) -> None:
        self._moments = iter(moments)
        self._log: Sequence[LogPartView] = ()

    async def job(self, job_id: str) -> Json:
        view, self._log = next(self._moments)
        tasks = [{"id": t.id, "state": t.state} for t in view.execution]
        return {"id": view.id, "name": view.name, "state": view.state, "execution": tasks}

    async def log(self, source: LogSource, page: int) -> list[Json]:
        newest_first: list[Json] = [
            {"taskId": part.task_id, "number": part.number, "contents": part.contents}
            for part in self._log[::-1]
        ]
        return newest_first[2 * (page - 1) : 2 * page]


class Seen:
    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.states: list[str] = []

    def update(self, job: JobView, lines: Sequence[LogLine]) -> None:
        self.lines += lines
        self.states.append(job.state)

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.follow.polling._POLL_SECONDS", 0.001)


async def test_each_log_line_is_shown_once_and_in_order_however_it_was_cut() -> None:
    running, done = task("greet", "RUNNING"), task("greet", "COMPLETED")
    parts = [
        LogPartView("greet", n, text) for n, text in enumerate(("a\nb", "c\n", "d", "e\nf"), 1)
    ]
    api = ScriptedApi(
        [
            (job("RUNNING", running), parts[:1]),
            (job("RUNNING", running), parts[:3]),
            (job("COMPLETED", done), parts),
        ]
    )
    seen = Seen()
    last = await poll(api, "j", seen)
    assert last.state == "COMPLETED"
    assert seen.texts == ["a", "bc", "de", "f"]


async def test_a_part_that_comes_late_does_not_change_the_order() -> None:
    done = task("greet", "COMPLETED")
    first, second = LogPartView("greet", 1, "first\n"), LogPartView("greet", 2, "second\n")
    api = ScriptedApi([(job("RUNNING", done), [second]), (job("COMPLETED", done), [second, first])])
    seen = Seen()
    await poll(api, "j", seen)
    assert seen.texts == ["first", "second"]


async def test_lines_of_a_task_wait_until_the_task_itself_is_known() -> None:
    part = LogPartView("greet", 1, "hello\n")
    api = ScriptedApi(
        [(job("SCHEDULED"), [part]), (job("FAILED", task("greet", "FAILED")), [part])]
    )
    seen = Seen()
    await poll(api, "j", seen)
    assert [(line.task_id, line.text) for line in seen.lines] == [("greet", "hello")]


def test_a_pipe_gets_plain_lines_that_tell_starts_progress_output_and_ends() -> None:
    console = Console(file=io.StringIO(), width=40)
    with PlainScreen(console) as screen:
        screen.update(job("RUNNING", task("greet", "RUNNING")), [])
        screen.update(job("RUNNING", task("greet", "RUNNING", progress=50.0)), [])
        line = LogLine("greet", "[bold]this is not markup, and it is longer than the screen")
        ended = (task("greet", "COMPLETED"), task("count", "FAILED", 2, error="exit code 3: no"))
        screen.update(job("FAILED", *ended), [line])
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "  greet | RUNNING",
        "  greet | RUNNING 50 %",
        "  greet | [bold]this is not markup, and it is longer than the screen",
        "  greet | COMPLETED",
        "  count | FAILED: exit code 3: no",
    ]


def test_a_terminal_shows_each_task_with_its_state_and_progress() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with LiveScreen(console) as screen:
        screen.update(job("RUNNING", task("greet", "RUNNING", progress=40.0)), [])
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for text in ("greet", "running", " 40 %", "count", "waiting"):
        assert text in shown


def test_with_an_engine_every_task_without_an_image_gets_one() -> None:
    text = "name: x\ntasks: [{name: a, run: ls}, {name: b, image: mine, run: ls}]"
    assert wants_image(text)
    tasks = yaml.safe_load(with_image(text, "busybox"))["tasks"]
    assert [task["image"] for task in tasks] == ["busybox", "mine"]
    assert not wants_image(with_image(text, "busybox"))


@pytest.mark.parametrize("text", ["", "[1", "name: x", "tasks: 3", "tasks: [3]", "- a"])
def test_what_is_not_a_job_is_left_for_the_api_to_refuse(text: str) -> None:
    assert not wants_image(text)


def test_the_example_names_no_image_so_that_it_runs_everywhere() -> None:
    assert all("image" not in task for task in yaml.safe_load(EXAMPLE.read_text())["tasks"])
