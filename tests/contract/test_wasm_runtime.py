"""What every runtime promises, of WebAssembly modules, which run no scripts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conveyor.extensions.runtimes import RESULT, Outcome, RuntimeRejected
from conveyor.extensions.tasks import Network, Place, Wasm
from tests.support.engines.carried import carried
from tests.support.engines.execution_driver import NODE, Ran, Rig, aux, rig_of
from tests.support.engines.modules import FIRST_PLACE, Acts
from tests.support.files.tars import files_in, joined, tar_of_files

pytestmark = pytest.mark.real
OTHER_NODE = f"other-{NODE}"
MODULE = Wasm(module="main.wasm")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    root = tmp_path / "tasks"
    root.mkdir()
    settings = {"shell_workdir_root": str(root), "shell_progress_seconds": 0.05}
    async with rig_of("shell", **settings) as rig:
        yield rig


def program(acts: Acts, **spec: Any) -> dict[str, Any]:
    files = {"main.wasm": acts.module(), **spec.pop("files", {})}
    return {"files": files, "wasm": MODULE, **spec}


async def ran(rig: Rig, acts: Acts, **spec: Any) -> tuple[Outcome, Ran]:
    return await rig.run(**program(acts, **spec))


async def test_result_log_arguments_and_exit_code_are_as_in_every_runtime(rig: Rig) -> None:
    outcome, done = await ran(rig, Acts().say("one\n").say("two", fd=2).result("héllo\nworld"))
    assert (outcome.is_success, outcome.output) == (True, "héllo\nworld")
    assert done.text == "one\ntwo"
    outcome, done = await ran(rig, Acts().show("args"), cmd=("a  b", "$HOME"))
    assert (outcome.output, done.text) == ("", "main.wasm\0a  b\0$HOME\0")


@pytest.mark.parametrize("code", [1, 42, 125, 126, 200, 255])
async def test_a_module_ends_with_any_exit_code(rig: Rig, code: int) -> None:
    outcome, done = await ran(rig, Acts().say("about to fail\n", fd=2).exit(code))
    assert (outcome.exit_code, outcome.reason, done.text) == (code, None, "about to fail\n")


async def test_a_module_sees_its_own_variables_and_none_of_the_workers(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVEYOR_ENCRYPTION_KEY", "not for tasks")
    _, done = await ran(rig, Acts().show("environ"), env={"A": "hi there", "EMPTY": ""})
    seen = dict(line.split("=", 1) for line in done.text.split("\0") if line)
    reports = {"TORK_OUTPUT": "/tork/stdout", "TORK_PROGRESS": "/tork/progress"}
    assert seen == {"A": "hi there", "EMPTY": "", **reports}


async def test_a_result_over_the_limit_fails_the_task_or_is_kept(rig: Rig) -> None:
    size = rig.settings.output_max_bytes + 1024
    large = Acts().result("a" * 1024, times=size // 1024)
    with pytest.raises(RuntimeRejected, match=f"result_too_large: .TORK_OUTPUT is {size} bytes"):
        await ran(rig, large)
    task = rig.task(**program(large, keeps_large_result=True))
    outcome = await (await task.begin())
    async with task.execution.take(RESULT) as archive:
        files = files_in(await joined(archive))
    await task.execution.close()
    assert (outcome.large_result_bytes, [len(data) for data in files.values()]) == (size, [size])


async def test_a_burst_is_in_the_log_whole(rig: Rig) -> None:
    _, done = await ran(rig, Acts().say("123456789\n" * 100, times=5000))
    assert done.log == b"123456789\n" * 500_000


async def test_a_slow_reader_holds_the_module_back_and_loses_nothing(rig: Rig) -> None:
    gate, first, passed = asyncio.Event(), asyncio.Event(), list[int]()

    async def slow(data: bytes, stream: int = 1) -> None:
        first.set()
        await gate.wait()
        passed.append(len(data))

    task = rig.task(sink=slow, **program(Acts().say("x" * 1000, times=1000)))
    waiting = await task.begin()
    await first.wait()
    assert not waiting.done()
    gate.set()
    await task.finish(waiting)
    assert sum(passed) == 1_000_000


@pytest.mark.parametrize(
    ("how", "stop_signal", "exit_code"),
    [("stop", None, 137), ("terminate", None, 143), ("terminate", "SIGINT", 130)],
)
async def test_a_stop_ends_a_module_at_once_wherever_it_is(
    rig: Rig, how: str, stop_signal: str | None, exit_code: int
) -> None:
    task = rig.task(**program(Acts().say("ready\n").spin(), stop_signal=stop_signal))
    waiting = await task.begin()
    await task.logged("ready")
    await getattr(task.execution, how)()
    assert (await task.finish(waiting)).exit_code == exit_code


async def test_a_stop_before_the_start_starts_nothing_and_a_cancelled_wait_leaves_nothing(
    rig: Rig,
) -> None:
    task = rig.task(**program(Acts().say("never")))
    await task.execution.prepare()
    await task.execution.stop()
    await task.execution.start()
    assert ((await task.execution.wait()).exit_code, task.text) == (137, "")
    await task.execution.close()
    task = rig.task(**program(Acts().say("ready").spin()))
    waiting = await task.begin()
    await task.logged("ready")
    waiting.cancel()
    await asyncio.wait([waiting])
    await task.execution.close()


async def test_progress_is_reported_while_a_module_runs(rig: Rig) -> None:
    task = rig.task(**program(Acts().put("progress", "40.5", folder=4).spin()))
    waiting = await task.begin()
    await task.progressed()
    await task.execution.stop()
    await task.finish(waiting)
    assert task.progress == [40.5]


@pytest.mark.parametrize("changed", [{"dispatch": 1}, {"node_id": OTHER_NODE}])
async def test_what_an_earlier_dispatch_or_a_lost_worker_left_is_removed(
    rig: Rig, changed: dict[str, Any]
) -> None:
    orphan = rig.task(**program(Acts().say("ready").spin(), **changed))
    waiting = await orphan.begin()
    await orphan.logged("ready")
    if "dispatch" in changed:
        assert await rig.runtime.remove_earlier(rig.spec(wasm=MODULE, dispatch=2)) == 1
    else:
        assert await rig.runtime.reap(lambda left: left.node_id == OTHER_NODE) == 1
    await asyncio.wait([waiting])
    await orphan.execution.close()


@pytest.mark.parametrize(
    ("acts", "trap"),
    [
        (Acts().trap(), "wasm `unreachable` instruction executed"),
        (Acts().say("x", fd=1).call("deep"), "call stack exhausted"),
    ],
)
async def test_a_trap_is_a_failure_that_says_which(rig: Rig, acts: Acts, trap: str) -> None:
    text = acts.module().replace("(memory", "(func $deep (call $deep))(memory", 1)
    outcome, done = await rig.run(files={"main.wasm": text}, wasm=MODULE)
    assert (outcome.exit_code, outcome.reason) == (134, f"trap: {trap}")
    assert "wasm backtrace" in done.text
    every = {"files": {"main.wasm": text}, "wasm": MODULE, "success_codes": None}
    assert not (await rig.run(**every))[0].is_success
    with pytest.raises(RuntimeRejected):  # nor is one a success that can't be run
        await rig.run(**{**every, "files": {}})


async def test_a_module_has_as_much_memory_as_its_limit(rig: Rig) -> None:
    limit = 64 * 1024 * 1024
    for pages, code in ((1000, 0), (1100, 12)):
        outcome, _ = await ran(rig, Acts().grow(pages), memory_bytes=limit)
        assert outcome.exit_code == code
    # Of several memories, the sum counts.
    grow = "(if (i32.eq (memory.grow $m (i32.const 900)) (i32.const -1)) (then unreachable))"
    many = "".join(f"(memory $m{n} 1)" for n in range(4))
    grown = "".join(grow.replace("$m", f"$m{n}") for n in range(4))
    text = f'(module {many}(func (export "_start") {grown}))'
    outcome, _ = await rig.run(files={"main.wasm": text}, wasm=MODULE, memory_bytes=limit)
    assert outcome.reason == "trap: wasm `unreachable` instruction executed"


async def test_a_module_is_compiled_within_a_limit_of_memory_too(rig: Rig) -> None:
    function = f"(func (param i32) {'(local.set 0 (i32.mul (local.get 0) (i32.const 7)))' * 3000})"
    text = f'(module {function * 600} (func (export "_start")))'
    outcome, ran = await rig.run(files={"main.wasm": text}, wasm=MODULE, memory_bytes=1 << 26)
    assert outcome.exit_code == 134
    assert "memory allocation of" in ran.text


NO_WASI = '(module (func (export "_start")))'
BAD = {
    "missing file": ({}, r"wasm.module 'main.wasm': no such file; a source must put it there"),
    "no module": ({"main.wasm": "#!/bin/sh"}, r"wasm.module 'main.wasm': is not a WebAssembly mod"),
    "broken": ({"main.wasm": "\0asm\1\0\0\0nonsense"}, "is not a valid WebAssembly module: "),
    "component": ({"main.wasm": "\0asm\x0d\0\1\0"}, "but was given a WebAssembly component"),
    "text": ({"main.wasm": "(module (func"}, "is not a valid WebAssembly module: expected `\\)`"),
    "import": (
        {"main.wasm": '(module (import "env" "f" (func)) (import "x" "y" (func)))'},
        r"wasm.module: it imports env.f, x.y, and neither wasi_snapshot_preview1 nor wasm.imports",
    ),
    "type": (
        {
            "main.wasm": '(module (import "wasi_snapshot_preview1" "proc_exit" (func))'
            '(func (export "_start")))'
        },
        "can't be instantiated: .*incompatible import type for `wasi_snapshot_preview1::proc_exit`",
    ),
    "no entry": (
        {"main.wasm": '(module (func (export "run")) (memory (export "_start") 1))'},
        r"wasm.entrypoint '_start': the module exports no such function \(it has: run\)",
    ),
    "parameters": (
        {"main.wasm": '(module (func (export "_start") (param i32)))'},
        "wasm.entrypoint '_start': it takes 1 parameters, and must take none",
    ),
    "shared": ({"main.wasm": "(module (memory 1 1 shared))"}, "threads must be enabled"),
    "memory": (
        {"main.wasm": '(module (memory 2000) (func (export "_start")))'},
        "can't be instantiated: memory minimum size of 2000 pages exceeds memory limits",
    ),
}


@pytest.mark.parametrize("case", BAD)
async def test_what_is_wrong_with_a_module_is_named(rig: Rig, case: str) -> None:
    files, error = BAD[case]
    with pytest.raises(RuntimeRejected, match=error):
        await rig.run(files=files, wasm=MODULE, memory_bytes=64 * 1024 * 1024)


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({"image": "busybox"}, "wasm: a task with a module can't have image"),
        ({"run": "echo"}, "wasm: a task with a module can't have run"),
        ({"entrypoint": ("sh",)}, "wasm: a task with a module can't have entrypoint"),
        ({"pre": (aux("pre 1", run="true"),)}, "wasm: a task with a module can't have pre"),
        ({"networks": ("n",)}, "wasm: a task with a module can't have networks"),
        ({"network": Network(type="bridge")}, "network: a task with a module has none"),
        ({"gpus": "all"}, "wasm: a task with a module can't have gpus"),
        ({"env": {"A": "x\0y"}}, r"env\.A: must not hold a NUL"),
        ({"workdir": "../up"}, "'../up' must be a relative path"),
        ({"wasm": Wasm(module=" ")}, "wasm: the path of a module is empty"),
        ({"wasm": Wasm(module="../../guest.json")}, "it leads out of what the task has"),
        ({"wasm": Wasm(module="main.wasm", entrypoint="run")}, "wasm.entrypoint 'run': the module"),
        (
            {"wasm": Wasm(module="main.wasm", imports={"lib": "lib.wasm"})},
            r"wasm.imports\['lib'\] 'lib.wasm': no such file",
        ),
    ],
)
async def test_what_a_module_can_not_have_is_rejected(
    rig: Rig, spec: dict[str, Any], error: str
) -> None:
    with pytest.raises(RuntimeRejected, match=error):
        await rig.run(**{"files": {"main.wasm": NO_WASI}, "wasm": MODULE, **spec})


async def test_modules_import_each_other_by_name_and_any_function_is_the_entry(rig: Rig) -> None:
    files = {
        "main.wasm": Acts()
        .call("twice")
        .say("main\n")
        .module(function="run", imports=["outer.twice"]),
        "libs/outer.wasm": Acts()
        .call("hello")
        .call("hello")
        .module(function="twice", imports=["inner.hello"]),
        "libs/inner.wasm": Acts().say("inner\n").module(function="hello"),
    }
    imports = {"outer": "libs/outer.wasm", "inner": "/libs/inner.wasm"}
    wasm = Wasm(module="main.wasm", entrypoint="run", imports=imports)
    outcome, done = await rig.run(files=files, wasm=wasm)
    assert (outcome.exit_code, done.text) == (0, "inner\ninner\nmain\n")
    files["libs/inner.wasm"] = '(module (import "outer" "twice" (func)) (func (export "hello")))'
    with pytest.raises(RuntimeRejected, match=r"wasm.imports: outer → inner → outer import each"):
        await rig.run(files=files, wasm=wasm)
    system = {"wasi_snapshot_preview1": "libs/inner.wasm"}
    with pytest.raises(RuntimeRejected, match=r"wasm.imports: the name .* is the system's own"):
        await rig.run(files=files, wasm=replace(wasm, imports=system))


async def test_sources_are_where_they_say_and_what_is_read_only_stays_as_it_is(
    rig: Rig, tmp_path: Path
) -> None:
    for name in ("kept", "free"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(f"bound {name}\n")
    acts = (
        Acts()
        .cat("inputs/deep/a").cat("work/near/b").cat("one.txt")
        .cat("x", folder=FIRST_PLACE + 3).cat("x", folder=FIRST_PLACE + 4)
        .put("inputs/deep/a", "changed").put("inputs/new", "made").put("one.txt", "changed")
        .put("new", "made", folder=FIRST_PLACE).put("new", "made", folder=FIRST_PLACE + 3)
        .put("work/near/b", "B2\n").put("new", "made", folder=FIRST_PLACE + 4)
        .put("out/result", "kept\n").cat("work/near/b")
    )  # fmt: skip
    places = (
        Place(target="/inputs", read_only=True),
        Place(target="near"),  # and by its name from the working directory
        Place(target="/one.txt", is_directory=False, read_only=True),
        Place(target="/bound/kept", bind=str(tmp_path / "kept"), read_only=True),
        Place(target="/bound/free", bind=str(tmp_path / "free")),
        Place(target="/out"),
    )
    text, (out, near) = await carried(
        rig,
        {
            "/inputs": tar_of_files({"deep/a": b"A\n", "main.wasm": acts.module().encode()}),
            "near": tar_of_files({"b": b"B\n"}),
            "/one.txt": tar_of_files({"any": b"1\n"}),
            "/out": tar_of_files({}),
        },
        ["/out", "near/b"],
        places=places,
        workdir="/work",
        wasm=Wasm(module="/inputs/main.wasm"),
    )
    assert text == "A\nB\n1\nbound kept\nbound free\n" + "no" * 5 + "B2\n"
    assert (out, near) == ({"out": b"/", "out/result": b"kept\n"}, {"b": b"B2\n"})
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["x"]
    assert (tmp_path / "free" / "new").read_text() == "made"


async def test_a_module_reaches_nothing_outside_of_its_directories(
    rig: Rig, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    for path in ("../guest.json", "../../../secret", str(tmp_path / "secret"), "/etc/passwd"):
        outcome, done = await ran(rig, Acts().cat(path))
        assert (outcome.exit_code, done.text) == (66, "")


async def test_a_module_is_not_run_where_the_operator_forbids_it(tmp_path: Path) -> None:
    async with rig_of("shell", shell_workdir_root=str(tmp_path), wasm_allowed=False) as rig:
        with pytest.raises(RuntimeRejected, match="wasm: CONVEYOR_RUNTIME_WASM_ALLOWED of this"):
            await rig.run(files={"main.wasm": NO_WASI}, wasm=MODULE)
