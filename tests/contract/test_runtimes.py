"""What every runtime promises: one suite over the shell, Docker and Podman."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conveyor.extensions.runtimes import RESULT, PartTimedOut, RuntimeRejected
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from tests.support.engines.execution_driver import NODE, Rig, aux
from tests.support.files.tars import files_in, joined

pytestmark = pytest.mark.real
BURST = 50 * 1024 * 1024
OTHER_NODE = f"other-{NODE}"


@pytest.fixture(params=["shell", "docker", "podman"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> RuntimeSettings:
    address = {}
    if kind == "docker":
        address = {"docker_host": request.getfixturevalue("docker_host")}
    if kind == "podman":
        address = {"podman_socket": request.getfixturevalue("podman_host")}
    return RuntimeSettings.model_validate(
        {
            "type": kind,
            "shell_workdir_root": str(tmp_path),
            "shell_progress_seconds": 0.05,
            "container_progress_seconds": 0.2,
            **address,
        }
    )


@pytest.fixture
async def rig(kind: str, settings: RuntimeSettings) -> AsyncIterator[Rig]:
    runtime = make_runtime(settings)
    await runtime.check()
    rig = Rig(kind, runtime, settings)
    try:
        yield rig
        assert await rig.leftovers() == []
    finally:  # a test that failed must not make the next one fail
        await runtime.reap(lambda left: left.node_id in (NODE, OTHER_NODE))
        await runtime.close()


async def test_what_a_task_writes_to_tork_output_is_its_output(rig: Rig) -> None:
    outcome, _ = await rig.run(run='printf "héllo\\nworld" > "$TORK_OUTPUT"')
    assert (outcome.exit_code, outcome.output, outcome.reason) == (0, "héllo\nworld", None)


async def test_a_task_that_writes_no_output_has_an_empty_one(rig: Rig) -> None:
    outcome, ran = await rig.run(cmd=("true",))
    assert (outcome.exit_code, outcome.output, ran.text) == (0, "", "")


@pytest.mark.parametrize(
    ("run", "size"),
    [
        ("head -c $((LIMIT + 7)) /dev/zero | tr '\\0' a", "{over} bytes"),
        # What is no text takes more room when it is kept: it counts as it is kept.
        ("head -c $((LIMIT / 2)) /dev/zero", "{threefold} bytes as text"),
        ("truncate -s 20G $TORK_OUTPUT; true", "21474836480 bytes"),
    ],
)
async def test_a_result_over_the_limit_fails_the_task(rig: Rig, run: str, size: str) -> None:
    limit = rig.settings.output_max_bytes
    with pytest.raises(RuntimeRejected) as caught:
        await rig.run(env={"LIMIT": str(limit)}, run=f"{run} >> $TORK_OUTPUT")
    expected = size.format(over=limit + 7, threefold=limit // 2 * 3)
    assert f"result_too_large: $TORK_OUTPUT is {expected}," in str(caught.value)
    assert f"at most {limit} " in str(caught.value)


async def test_a_result_may_have_all_that_the_limit_allows(rig: Rig) -> None:
    limit = rig.settings.output_max_bytes
    outcome, _ = await rig.run(run=f"head -c {limit} /dev/zero | tr '\\0' a > $TORK_OUTPUT")
    assert len(outcome.output) == limit


@pytest.mark.parametrize("made", ["tr '\\0' a", "cat"])
async def test_a_result_over_the_limit_can_be_kept(rig: Rig, made: str) -> None:
    size = rig.settings.output_max_bytes + 7
    ran = rig.task(run=f"head -c {size} /dev/zero | {made} > $TORK_OUTPUT", keeps_large_result=True)
    outcome = await (await ran.begin())
    async with ran.execution.take(RESULT) as archive:
        files = files_in(await joined(archive))
    await ran.execution.close()
    assert (outcome.exit_code, outcome.output, outcome.large_result_bytes) == (0, "", size)
    assert [len(data) for data in files.values()] == [size]


async def test_a_task_that_fails_by_itself_fails_for_its_own_reason(rig: Rig) -> None:
    outcome, _ = await rig.run(run="truncate -s 20G $TORK_OUTPUT; exit 3")
    assert outcome.exit_code == 3


async def test_what_is_no_plain_file_is_no_result(rig: Rig) -> None:
    for make in ("mkfifo", "ln -s /nowhere", "mkdir"):
        outcome, _ = await rig.run(run=f"rm $TORK_OUTPUT; {make} $TORK_OUTPUT")
        assert (outcome.exit_code, outcome.output) == (0, ""), make


async def test_the_files_for_result_and_progress_are_there_from_the_start(rig: Rig) -> None:
    outcome, ran = await rig.run(run='cat "$TORK_OUTPUT" "$TORK_PROGRESS" && echo there')
    assert (outcome.exit_code, ran.text) == (0, "there\n")


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"env": {"A": "x" * 500_000}}, r"env\.A: is 500003 bytes, .* at most 131072 in one"),
    ({"env": {"A": "x\0y"}}, r"env\.A: must not hold a NUL"),
    ({"env": {"A=B": "x"}}, r"env: the name 'A=B' must not"),
    ({"env": {"": "x"}}, r"env: the name '' must not"),
    ({"cmd": ("true", "x" * 200_000)}, r"cmd\[1\]: is 200001 bytes"),
    ({"env": {f"A{n}": "x" * 130_000 for n in range(16)}}, r"the largest is env\.A"),
]


async def test_what_can_not_be_passed_to_a_program_is_named(rig: Rig) -> None:
    for spec, error in IMPOSSIBLE:
        with pytest.raises(RuntimeRejected, match=error):
            await rig.run(**{"run": "true", **spec})


async def test_as_much_environment_as_linux_passes_is_passed(rig: Rig) -> None:
    env = {f"A{n}": "x" * 130_000 for n in range(14)}
    outcome, ran = await rig.run(env=env, run="echo ${#A0}")
    assert (outcome.exit_code, ran.text) == (0, "130000\n")


async def test_a_failing_task_gives_its_exit_code_and_its_log(rig: Rig) -> None:
    outcome, ran = await rig.run(run="echo about to fail >&2; exit 42")
    assert (outcome.exit_code, ran.text) == (42, "about to fail\n")


async def test_a_last_line_without_a_line_end_is_in_the_log(rig: Rig) -> None:
    _, ran = await rig.run(run="echo one; printf two")
    assert ran.text == "one\ntwo"


async def test_a_burst_of_50_mb_is_in_the_log_whole_and_in_order(rig: Rig) -> None:
    lines = BURST // 10
    _, ran = await rig.run(run=f"seq -w 100000000 {100000000 + lines - 1}")
    expected = b"".join(b"%d\n" % number for number in range(100000000, 100000000 + lines))
    assert len(ran.log) == len(expected)
    assert ran.log == expected


async def test_a_burst_on_both_outputs_loses_nothing(rig: Rig) -> None:
    _, ran = await rig.run(
        run="head -c 3000000 /dev/zero | tr '\\0' o & head -c 3000000 /dev/zero | tr '\\0' e >&2;"
        " wait"
    )
    assert (ran.log.count(b"o"), ran.log.count(b"e")) == (3000000, 3000000)


async def test_a_slow_reader_holds_the_task_back_and_loses_nothing(rig: Rig) -> None:
    gate, first = asyncio.Event(), asyncio.Event()
    passed: list[int] = []

    async def slow(data: bytes, stream: int = 1) -> None:
        first.set()
        await gate.wait()
        passed.append(len(data))

    ran = rig.task(sink=slow, run="head -c 8000000 /dev/zero")
    waiting = await ran.begin()
    await first.wait()
    assert not waiting.done()
    gate.set()
    await ran.finish(waiting)
    assert sum(passed) == 8000000


async def test_files_are_found_in_the_working_directory(rig: Rig) -> None:
    files = {"a.txt": "A", "deep/er/b.txt": "B"}
    outcome, ran = await rig.run(files=files, run="cat a.txt deep/er/b.txt; touch new deep/new")
    assert (outcome.exit_code, ran.text) == (0, "AB")


async def test_a_task_runs_in_the_workdir_it_names(rig: Rig) -> None:
    workdir = "/srv/work" if rig.has_containers else "work"
    files = {"work/a.txt": "A"} if not rig.has_containers else {"a.txt": "A"}
    outcome, ran = await rig.run(files=files, workdir=workdir, run="cat a.txt; pwd")
    assert outcome.exit_code == 0
    assert ran.text.startswith("A")
    assert ran.text.rstrip().endswith(workdir)


async def test_a_file_name_that_leaves_the_working_directory_is_refused(rig: Rig) -> None:
    for name in ("../evil", "a/../../evil", "/etc/evil", "", "dir/"):
        with pytest.raises(RuntimeRejected, match="file"):
            await rig.run(files={name: "x"}, run="true")


async def test_env_reaches_the_task_and_nothing_of_the_worker_does(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVEYOR_ENCRYPTION_KEY", "not for tasks")
    _, ran = await rig.run(env={"GREETING": "hi there", "EMPTY": ""}, run="env")
    seen = dict(line.split("=", 1) for line in ran.text.splitlines())
    assert (seen["GREETING"], seen["EMPTY"]) == ("hi there", "")
    known = {"GREETING", "EMPTY", "PATH", "HOME", "LANG", "TORK_OUTPUT", "TORK_PROGRESS"}
    assert set(seen) - known <= {"PWD", "SHLVL", "OLDPWD", "HOSTNAME", "_", "TERM", "container"}


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"run": "echo $0 | grep -c entrypoint"}, "1\n"),
        ({"run": "#!/bin/cat\nhello"}, "#!/bin/cat\nhello"),
        ({"run": "-v 2>/dev/null; echo option"}, "option\n"),
        ({"run": "echo long " + "#" * 200_000}, "long\n"),
        ({"run": "echo $#", "entrypoint": ("/bin/sh", "-c")}, "0\n"),
        ({"cmd": ("echo", "a  b", "$HOME")}, "a  b $HOME\n"),
        ({"entrypoint": ("echo", "x"), "cmd": ("y",)}, "x y\n"),
        ({"entrypoint": ("sh", "-c"), "cmd": ("echo via $0", "name")}, "via name\n"),
        ({"entrypoint": ("cat",), "run": "echo not run"}, "echo not run"),
    ],
)
async def test_run_cmd_and_entrypoint_say_what_is_executed(
    rig: Rig, spec: dict[str, object], text: str
) -> None:
    outcome, ran = await rig.run(**spec)
    assert (outcome.exit_code, ran.text) == (0, text)


async def test_standard_input_is_empty(rig: Rig) -> None:
    outcome, ran = await rig.run(cmd=("cat",))
    assert (outcome.exit_code, ran.text) == (0, "")


async def test_stop_kills_the_task_and_its_children_at_once(rig: Rig) -> None:
    ran = rig.task(run="trap '' TERM; sleep 1000 & setsid sleep 1001 & echo ready; sleep 1002")
    waiting = await ran.begin()
    await ran.logged("ready")
    await ran.execution.stop()
    await ran.execution.stop()  # idempotent
    assert (await ran.finish(waiting)).exit_code != 0


async def test_a_task_that_is_asked_to_end_may_clean_up_and_its_last_words_are_in_the_log(
    rig: Rig,
) -> None:
    script = "trap 'echo cleaning; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    ran = rig.task(run=script, post=(aux("post 1", run="echo never", **rig.image),))
    waiting = await ran.begin()
    await ran.logged("ready")
    await ran.execution.terminate()
    await ran.finish(waiting)
    assert "cleaning\n" in ran.text  # a shell may tell of a command that was ended


async def test_a_task_ends_by_the_stop_signal_it_names(rig: Rig) -> None:
    script = "trap 'echo by INT; exit 0' INT; echo ready; while :; do sleep 0.1; done"
    ran = rig.task(run=script, stop_signal="SIGINT")
    waiting = await ran.begin()
    await ran.logged("ready")
    await ran.execution.terminate()
    await ran.finish(waiting)
    assert "by INT" in ran.text
    with pytest.raises(RuntimeRejected, match="stopSignal 'SIGSTOPP' must be a signal"):
        await rig.run(run="true", stop_signal="SIGSTOPP")


async def test_a_pre_that_takes_too_long_may_clean_up(rig: Rig) -> None:
    script = "trap 'echo cleaning; exit 0' TERM; while :; do sleep 0.1; done"
    ran = rig.task(pre=(aux("pre 1", 2, run=script, **rig.image),), run="echo never")
    with pytest.raises(PartTimedOut):
        await ran.finish(await ran.begin())
    assert "cleaning\n" in ran.text


async def test_stop_before_start_starts_nothing(rig: Rig) -> None:
    ran = rig.task(run="echo never")
    await ran.execution.prepare()
    await ran.execution.stop()
    await ran.execution.start()
    outcome = await ran.execution.wait()
    await ran.execution.close()
    assert (outcome.exit_code, ran.text) == (137, "")


async def test_stop_during_prepare_leaves_nothing(rig: Rig) -> None:
    ran = rig.task(run="echo never")
    preparing = asyncio.create_task(ran.execution.prepare())
    await asyncio.sleep(0)  # lets it begin
    await ran.execution.stop()
    await preparing
    await ran.execution.start()
    await ran.execution.wait()
    await ran.execution.close()
    assert ran.text == ""


async def test_a_cancelled_wait_is_cleaned_up_by_close(rig: Rig) -> None:
    ran = rig.task(run="echo ready; sleep 1000")
    waiting = await ran.begin()
    await ran.logged("ready")
    waiting.cancel()
    await asyncio.wait([waiting])
    await ran.execution.close()
    assert waiting.cancelled()


async def test_progress_is_reported_while_the_task_runs(rig: Rig) -> None:
    ran = rig.task(run='echo 40.5 > "$TORK_PROGRESS"; sleep 1000')
    waiting = await ran.begin()
    await ran.progressed()
    await ran.execution.stop()
    await ran.finish(waiting)
    assert ran.progress == [40.5]


async def test_a_progress_that_is_no_number_is_passed_over(rig: Rig) -> None:
    outcome, ran = await rig.run(run='echo half > "$TORK_PROGRESS"')
    assert (outcome.exit_code, ran.progress) == (0, [])


async def test_what_a_task_leaves_running_ends_with_it(rig: Rig) -> None:
    outcome, ran = await rig.run(run="sleep 1000 & setsid sleep 1001 & echo done")
    assert (outcome.exit_code, ran.text) == (0, "done\n")


async def test_a_command_that_is_not_there_fails_by_name(rig: Rig) -> None:
    if rig.kind == "docker":  # its init process starts, and says so in the log
        outcome, ran = await rig.run(cmd=("no-such-command",))
        assert outcome.exit_code == 127
        assert "no-such-command" in ran.text
    else:
        with pytest.raises(RuntimeRejected, match="no-such-command"):
            await rig.run(cmd=("no-such-command",))


@pytest.mark.parametrize("other", [{"node_id": OTHER_NODE}, {"dispatch": 1}])
async def test_what_an_earlier_dispatch_left_is_removed_and_nothing_else(
    rig: Rig, other: dict[str, Any]
) -> None:
    # Given an earlier dispatch that still runs, another task, and this dispatch, prepared
    orphan = rig.task(run="echo ready; sleep 1000", **{"dispatch": 2, **other})
    bystander = rig.task(run="echo ready; sleep 1000", task_id="another", dispatch=1)
    orphaned, running = await orphan.begin(), await bystander.begin()
    await orphan.logged("ready")
    await bystander.logged("ready")
    spec = rig.spec(run="echo mine", dispatch=2)
    mine = rig.task(run="echo mine", dispatch=2)
    await mine.execution.prepare()
    # When what is left of the task is removed
    assert await rig.runtime.remove_earlier(spec) == 1
    await asyncio.wait([orphaned])
    # Then the rest is as it was
    assert not running.done()
    await mine.execution.start()
    assert (await mine.finish(asyncio.create_task(mine.execution.wait()))).is_success
    assert mine.text == "mine\n"
    await bystander.execution.stop()
    await bystander.finish(running)
    await orphan.execution.close()


async def test_the_reaper_removes_what_an_abandoned_node_left_and_nothing_else(rig: Rig) -> None:
    ran = rig.task(run="echo ready; sleep 1000")
    waiting = await ran.begin()
    await ran.logged("ready")
    assert await rig.runtime.reap(lambda left: left.node_id == "another-node") == 0
    assert await rig.runtime.reap(lambda left: left.node_id == NODE) == 1
    await asyncio.wait([waiting])
    assert await rig.leftovers() == []
    await ran.execution.close()
