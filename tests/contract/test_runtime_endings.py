"""What every runtime promises of how a task ends and of what it leaves: one suite over all."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conveyor.extensions.tasks import Place
from tests.support.engines.execution_driver import Rig, address_of, rig_of
from tests.support.files.tars import files_in, joined

pytestmark = pytest.mark.real


@pytest.fixture(params=["shell", "docker", "podman"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    kind = request.param
    settings: dict[str, str] = {"shell_workdir_root": str(tmp_path)}
    if kind != "shell":
        settings |= address_of(kind, request)
    async with rig_of(kind, **settings) as rig:
        yield rig


@pytest.mark.parametrize(
    ("codes", "exit_code", "is_success"),
    [((0, 3), 3, True), ((3,), 0, False), (None, 7, True), ((0, 3), 4, False)],
)
async def test_a_task_that_ends_as_it_may_leaves_its_result(
    rig: Rig, codes: tuple[int, ...] | None, exit_code: int, is_success: bool
) -> None:
    script = f'printf x > "$TORK_OUTPUT"; exit {exit_code}'
    outcome, _ = await rig.run(run=script, success_codes=codes)
    assert (outcome.exit_code, outcome.is_success) == (exit_code, is_success)
    assert outcome.output == ("x" if is_success else "")


async def test_what_a_task_writes_is_told_by_its_stream_and_is_in_the_log(rig: Rig) -> None:
    told = {1: b"", 2: b""}

    def on_output(number: int, data: bytes) -> None:
        told[number] += data

    script = "seq 20000; echo err >&2; exec 2>&-; echo last"
    outcome, ran = await rig.run(run=script, on_output=on_output)
    assert outcome.is_success
    output = "".join(f"{line}\n" for line in [*range(1, 20_001), "last"])
    assert told == {1: output.encode(), 2: b"err\n"}
    # What comes of one stream at a time may end within a line; the log puts its lines together.
    assert sorted(ran.text) == sorted(f"{output}err\n")
    assert ran.stderr == b"err\n"


async def test_a_place_to_which_nothing_is_brought_is_an_empty_directory_that_can_be_taken(
    rig: Rig,
) -> None:
    target = "results" if rig.kind == "shell" else "/some/results"
    script = f"ls -A {target} && echo x > {target}/made && exit 3"
    ran = rig.task(run=script, places=(Place(target=target),))
    outcome = await (await ran.begin())
    async with ran.execution.take(target) as archive:
        files = files_in(await joined(archive))
    await ran.execution.close()
    assert (outcome.exit_code, ran.text) == (3, "")
    assert [data for data in files.values() if data != b"/"] == [b"x\n"]
