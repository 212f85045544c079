"""What a watchdog reads, whom it kills and whom it spares, and what a worker makes of it."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from conveyor.extensions.terminators import ContainerTerminator, ProcessTerminator
from services.worker.watchdog import watch
from services.worker.watchdog.args import WatchdogArgs
from services.worker.watchdog.containers import Containers
from services.worker.watchdog.processes import kill_processes
from services.worker.watchdog.task_table import Row, TaskTable
from services.worker.watchdog.watch import Lifeline, Watch
from shared.process.clock import monotonic_boottime

DIRECTORIES = "/conveyor-task.n."
ENGINE = ContainerTerminator("tcp://127.0.0.1:1", "node=n", "task", "dispatch")


@pytest.fixture
def table() -> Iterator[TaskTable]:
    with closing(TaskTable(3)) as table:
        yield table


@contextmanager
def sleeping(**environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = ["sleep", "1000"]
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def row(task: str = "t", dispatch: int = 1, leader: int = 0) -> Row:
    return Row(0, 1, 0.0, leader, True, task, dispatch)


def test_what_a_worker_enters_is_read_and_gone_once_it_is_removed(table: TaskTable) -> None:
    first, second = table.enter(("a", 1), 10.0), table.enter(("a", 2), 20.0)
    table.set_pid(("a", 2), 77)
    rows = {each.dispatch: each for each in table.shared.rows()}
    assert rows.keys() == {1, 2}
    assert (rows[2].task_id, rows[2].taken_at, rows[2].leader) == ("a", 20.0, 77)
    first.remove()
    second.remove()
    assert table.shared.rows() == []


def test_an_end_is_of_one_dispatch_and_not_of_the_next_in_its_place(table: TaskTable) -> None:
    entry = table.enter(("a", 1), 10.0)
    [ended] = table.shared.rows()
    table.shared.set_ended(ended)
    assert entry.is_ended
    entry.remove()
    # Given the next in the same place, and a watchdog that writes late
    later = table.enter(("b", 1), 10.0)
    table.shared.set_ended(ended)
    assert not later.is_ended


def test_a_task_is_ended_when_nothing_renews_its_lease_and_others_are_not(table: TaskTable) -> None:
    # Given a task whose lease is nearly over, and one that has just been taken
    ended: list[str] = []
    old = table.enter(("old", 1), monotonic_boottime() - 0.5)
    young = table.enter(("young", 1), monotonic_boottime() + 1000)
    lifeline, ours = socket.socketpair()

    def end(rows: object, worker_is_gone: bool) -> bool:
        assert isinstance(rows, list)
        ended.extend(each.task_id for each in rows)
        if not worker_is_gone:
            assert (old.is_ended, young.is_ended) == (True, False)
            ours.close()  # which ends the watch
        return True

    # When it watches; then it ends one, and the other with the worker
    with lifeline:
        watching = Watch(table.shared, Lifeline(lifeline), 1.0, end)
        [left] = [watching.ended(tasks) for tasks in watching.run()]
    assert ended[0] == "old"
    assert set(ended[1:]) == {"old", "young"}
    # And both may be handed back: nothing of them runs
    assert {each.task_id for each in left} == {"old", "young"}


def test_what_a_watchdog_can_not_end_is_not_handed_back(
    table: TaskTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_GIVE_UP_SECONDS", 0.1)
    table.enter(("a", 1), monotonic_boottime())
    lifeline, ours = socket.socketpair()
    ours.close()
    with lifeline:
        watching = Watch(table.shared, Lifeline(lifeline), 1.0, lambda *_: False)
        assert [watching.ended(tasks) for tasks in watching.run()] == [[]]


def test_what_is_kept_is_ended_with_its_lease_unless_another_worker_has_gone_on_with_it(
    table: TaskTable,
) -> None:
    entries = [table.enter((name, 1), monotonic_boottime()) for name in ("kept", "taken", "usual")]
    for entry in entries[:2]:
        entry.keep()
    lifeline, ours = socket.socketpair()
    ours.close()
    with lifeline:
        watching = Watch(
            *(table.shared, Lifeline(lifeline), 0.5, lambda *_: True),
            is_taken_over=lambda row: row.task_id == "taken",
        )
        due = watching.run()
        assert [row.task_id for row in next(due)] == ["usual"]
        assert [row.task_id for row in next(due)] == ["kept"]
        assert monotonic_boottime() >= table.shared.rows()[0].taken_at + 0.5
        assert next(due, None) is None


def test_a_watchdog_reads_what_its_worker_has_told_it() -> None:
    args = WatchdogArgs(1.5, (ProcessTerminator(DIRECTORIES), ENGINE), can_end_all=True)
    assert WatchdogArgs.decode(args.encode()) == args._replace(terminators=list(args.terminators))
    # And where to hand tasks back, also from a worker that has died since
    ends, ours = socket.socketpair()
    lifeline = Lifeline(ends)
    ours.sendall(b"address")
    assert not lifeline.broke_within(0.0)
    ours.close()
    assert lifeline.broke_within(10.0)
    assert lifeline.message == b"address"
    ends.close()


def test_what_carries_the_directory_of_the_dispatch_is_killed_and_no_other() -> None:
    ours, other = ("/tmp/conveyor-task.n.t.1-x/stdout", "/tmp/conveyor-task.n.t.2-x/stdout")
    with sleeping(TORK_OUTPUT=ours) as doomed, sleeping(TORK_OUTPUT=other) as spared:
        assert not kill_processes([row()], DIRECTORIES, os.getpid())
        assert doomed.wait(10) == -signal.SIGKILL
        assert spared.poll() is None
        # And it tells when nothing is left
        assert kill_processes([row()], DIRECTORIES, os.getpid())


def test_a_program_without_the_variable_is_found_by_its_group() -> None:
    with sleeping() as doomed:
        kill_processes([row(leader=doomed.pid)], DIRECTORIES, os.getpid())
        assert doomed.wait(10) == -signal.SIGKILL


def test_a_process_that_has_got_the_number_of_one_that_ended_is_spared() -> None:
    # Given a number that a worker still has, and that is by now of no child of it
    with sleeping() as stranger:
        assert kill_processes([row(leader=stranger.pid)], DIRECTORIES, os.getppid())
        assert stranger.poll() is None


def test_without_an_engine_there_are_no_containers(tmp_path: Path) -> None:
    assert Containers(ENGINE._replace(engine=f"unix://{tmp_path}/none.sock")).end([row()], True)


def test_an_engine_that_has_gone_with_its_socket_is_asked_again(tmp_path: Path) -> None:
    place = tmp_path / "engine.sock"
    place.touch()
    engine = Containers(ENGINE._replace(engine=f"unix://{place}"))
    place.unlink()
    assert not engine.end([row()], True)


def test_an_engine_that_does_not_answer_is_asked_again() -> None:
    assert not Containers(ENGINE).end([row()], True)


class _FakeEngine(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []
    containers = json.dumps(
        [
            {"Id": "a", "Labels": {"task": "t", "dispatch": "1"}},
            {"Id": "b", "Labels": {"task": "t", "dispatch": "2"}},
            {"Id": "c", "Labels": {"task": "u", "dispatch": "1"}},
        ]
    ).encode()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.containers)

    def do_POST(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        self.send_response(204)
        self.end_headers()

    do_DELETE = do_POST

    def log_message(self, *_: object) -> None: ...


def test_the_containers_of_the_dispatch_are_killed_and_removed_and_no_others() -> None:
    with HTTPServer(("127.0.0.1", 0), _FakeEngine) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        engine = ENGINE._replace(engine=f"tcp://127.0.0.1:{server.server_port}")
        assert Containers(engine).end([row()], True)
        server.shutdown()
    assert _FakeEngine.asked == ["POST /containers/a/kill", "DELETE /containers/a?force=1&v=1"]
