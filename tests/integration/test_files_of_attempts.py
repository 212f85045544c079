"""Files of tasks on a worker with the shell runtime, from the dispatch to the report."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conveyor.extensions.files import WHOLE, Content, Span, Stored
from services.worker.held_tasks import Interruption
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.shell.runtime import ShellRuntime
from shared.broker.in_process import InProcessBroker
from shared.definition import Artifact, Source, TakenArtifact, TakenChild, TaskDefinition, encode
from shared.files.directory.store import DirectoryStore
from shared.messages import Finished, KeptArtifact, Returned
from tests.support.attempts import Bed
from tests.support.files.services import file_services
from tests.support.files.stores import names_in, noise, put, sha256_of

MEGABYTE = 1024 * 1024
DATA = noise(3 * MEGABYTE)
TAKEN = TakenArtifact(object="given", file_name="given.bin", size=len(DATA), sha256=sha256_of(DATA))


class Hanging(DirectoryStore):
    """Stands still in the middle of the first object after `hangs` is set."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.hangs = False
        self.is_hanging = asyncio.Event()

    @asynccontextmanager
    async def get(
        self, name: str, span: Span = WHOLE, *, sha256: str = "", version: str = ""
    ) -> AsyncIterator[Content]:
        async with super().get(name, span, sha256=sha256, version=version) as content:
            yield replace(content, chunks=self._hang(content.chunks))

    async def put(self, name: str, content: AsyncIterator[bytes], *, sha256: str = "") -> Stored:
        return await super().put(name, self._hang(content), sha256=sha256)

    async def _hang(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk
            if self.hangs:
                self.is_hanging.set()
                await asyncio.Event().wait()


@pytest.fixture
def store(tmp_path: Path) -> Hanging:
    return Hanging(tmp_path / "store")


@pytest.fixture
async def bed(tmp_path: Path, store: Hanging) -> AsyncIterator[Bed]:
    root = tmp_path / "tasks"
    root.mkdir()
    runtime = ShellRuntime(RuntimeSettings(type="shell", shell_workdir_root=str(root)))
    broker = InProcessBroker()
    await broker.start()
    bed = Bed(runtime, broker)
    bed.context = replace(bed.context, files=file_services(tmp_path, store))
    yield bed
    await bed.context.telemetry.close()
    await runtime.close()


async def reported(
    bed: Bed, store: Hanging, why: Interruption | None = None, **task: Any
) -> Finished | Returned | None:
    """Of a task that is interrupted, if at all, once the store hangs."""
    attempt, held = bed.attempt(**encode(TaskDefinition(**task)))
    held.grant()
    async with asyncio.timeout(30):
        running = asyncio.create_task(attempt.run())
        if why is not None:
            await store.is_hanging.wait()
            held.interrupt(why)
        await running
    reports = await bed.reports()
    return reports[-1] if reports else None


def taken(kept: KeptArtifact) -> TakenArtifact:
    return TakenArtifact(**kept.model_dump(exclude={"name", "published"}))


async def test_a_task_gets_what_another_has_kept(bed: Bed, store: Hanging, tmp_path: Path) -> None:
    first = await reported(
        bed,
        store,
        run="mkdir -p out/d; echo 1 > out/a; echo 2 > out/d/b; chmod +x out/a; ln -s d/b out/l",
        artifacts=(Artifact(name="tree", path="out"),),
    )
    assert isinstance(first, Finished)
    [kept] = first.artifacts

    sources = (
        Source(target="in", artifact="t.tree", taken=taken(kept)),
        Source(target="b.txt", artifact="t.tree/d/b", taken=replace(taken(kept), path="d/b")),
    )
    run = "test -x in/a; cat in/a in/l b.txt > $TORK_OUTPUT"
    bed.dispatch = 2
    second = await reported(bed, store, run=run, sources=sources)
    assert isinstance(second, Finished)
    assert (second.result, second.error) == ("1\n2\n2\n", None)
    assert [timing.phase for timing in first.timings] == ["run", "keep"]
    assert [timing.phase for timing in second.timings] == ["fetch", "run"]
    assert list((tmp_path / "tasks").iterdir()) == []


async def test_what_one_task_has_built_runs_in_the_next(bed: Bed, store: Hanging) -> None:
    first = await reported(
        bed,
        store,
        run="mkdir d; printf '#!/bin/sh\\necho ran' > d/tool; chmod 755 d/tool; cp d/tool tool",
        artifacts=(Artifact(name="tool", path="tool"), Artifact(name="tree", path="d")),
    )
    assert isinstance(first, Finished)
    tool, tree = map(taken, first.artifacts)
    inside = replace(tree, path="tool")
    children = tuple(
        TakenChild(index=index, task_id="t", state="COMPLETED", artifact=each)
        for index, each in enumerate((tool, inside))
    )
    sources = (
        Source(target="a", artifact="t.tool", taken=tool),
        Source(target="b", artifact="t.tree/tool", taken=inside, read_only=True),
        Source(target="c", artifact="e.tool", children=children),
    )
    run = "for each in ./a ./b c/0/tool c/1/tool; do $each >> $TORK_OUTPUT; done; ls -l b >&2"
    bed.dispatch = 2
    second = await reported(bed, store, run=run, sources=sources)
    assert isinstance(second, Finished)
    assert (second.result, second.error) == ("ran\n" * 4, None)
    assert any("-r-xr-xr-x" in part.contents for part in second.log)


async def test_a_task_that_failed_reports_what_it_keeps_always(bed: Bed, store: Hanging) -> None:
    artifacts = (
        Artifact(name="log", path="log", always=True),
        Artifact(name="none", path="none", always=True),
        Artifact(name="out", path="log"),
    )
    report = await reported(bed, store, run="echo why | tee log; exit 3", artifacts=artifacts)

    assert isinstance(report, Finished)
    assert report.error == "exit code 3: why"
    assert [kept.name for kept in report.artifacts] == ["log"]
    assert await names_in(store) == ["job/task/0.1/log"]
    log = "".join(part.contents for part in report.log)
    assert "[conveyor] artifact none: path 'none': no such file or directory" in log


async def test_an_artifact_that_is_missing_fails_the_task(bed: Bed, store: Hanging) -> None:
    report = await reported(bed, store, run="true", artifacts=(Artifact(name="a", path="no"),))

    assert isinstance(report, Finished)
    assert report.error == "artifact a: path 'no': no such file or directory"
    assert (report.cause, report.exit_code) == ("other", None)


async def test_a_result_that_is_too_large_is_an_artifact_if_the_task_says_so(
    bed: Bed, store: Hanging
) -> None:
    run = "head -c 2000000 /dev/zero > $TORK_OUTPUT"
    report = await reported(bed, store, run=run, large_result="big")

    assert isinstance(report, Finished)
    [kept] = report.artifacts
    assert report.result == f'{{"artifact":"big","size":2000000,"sha256":"{kept.sha256}"}}'


ENDS = {
    Interruption.STOPPED: "stopped",
    Interruption.TIMED_OUT: "timed out after 0s",
    Interruption.DRAINED: "",
    Interruption.LEASE_LOST: "",
}


@pytest.mark.parametrize("why", ENDS)
@pytest.mark.parametrize("act", ["bring", "take"])
async def test_what_interrupts_a_task_ends_its_transfers_and_leaves_nothing(
    bed: Bed, store: Hanging, tmp_path: Path, why: Interruption, act: str
) -> None:
    await put(store, "given", DATA)
    store.hangs = True
    sources = (Source(target="in", artifact="t.given", taken=TAKEN),) if act == "bring" else ()
    run = "head -c 3000000 /dev/zero > out; touch started"

    report = await reported(
        bed, store, why, run=run, sources=sources, artifacts=(Artifact(name="out", path="out"),)
    )

    if ENDS[why]:
        assert isinstance(report, Finished)
        assert (report.error, report.artifacts) == (ENDS[why], [])
    else:
        assert isinstance(report, Returned)
    assert await names_in(store) == ["given"]
    folders = [tmp_path / "cache/files", tmp_path / "cache/partial", tmp_path / "store/partial"]
    assert [path for folder in (*folders, tmp_path / "tasks") for path in folder.iterdir()] == []
