"""What every runtime promises of files: brought before the start, taken after the end."""

import asyncio
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conveyor.extensions.files import ObjectRefused
from conveyor.extensions.runtimes import RuntimeRejected, TransferStopped
from conveyor.extensions.tasks import DATA, Place
from tests.support.engines.carried import carried, succeeded
from tests.support.engines.execution_driver import Rig, address_of, aux, rig_of
from tests.support.files.tars import file_info, made_tar, tar_info, tar_of_files

pytestmark = pytest.mark.real
LINK = "link() { ln -s $1 $2 2>/dev/null || busybox ln -s $1 $2; }; "
ENDLESS = tarfile.TarInfo("endless")
ENDLESS.size = 1 << 40


@pytest.fixture(params=["shell", "docker", "podman"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    kind = request.param
    root = tmp_path / "tasks"
    root.mkdir()
    settings: dict[str, str] = {"shell_workdir_root": str(root)}
    if kind != "shell":
        settings |= address_of(kind, request)
    async with rig_of(kind, **settings) as rig:
        yield rig


async def endless() -> AsyncIterator[bytes]:
    yield ENDLESS.tobuf()
    while True:
        yield bytes(65536)
        await asyncio.sleep(0)


async def test_every_stage_sees_what_is_brought_and_main_may_change_what_is_not_read_only(
    rig: Rig,
) -> None:
    change = "echo more >> free/b; echo new > free/new; (echo x > data/new) 2>/dev/null || echo no;"
    text, _ = await carried(
        rig,
        {
            "data": made_tar(tar_info("in", tarfile.DIRTYPE), file_info("in/a", b"A\n", 0o600)),
            "free": tar_of_files({"b": b"B\n"}),
            "one.txt": tar_of_files({"any name": b"1\n"}),
            "deep/er/two": tar_of_files({"x": b"2\n"}),
        },
        places=(
            Place(target="data", read_only=True),
            Place(target="free"),
            Place(target="one.txt", is_directory=False, read_only=True),
            Place(target="deep/er/two", is_directory=False),
        ),
        pre=(aux("pre 1", run="cat data/in/a free/b one.txt deep/er/two", **rig.image),),
        run=change + "cat free/b one.txt; [ -w one.txt -a $(id -u) != 0 ] || echo kept",
        post=(aux("post 1", run="cat data/in/a free/b free/new one.txt", **rig.image),),
    )
    assert text == "A\nB\n1\n2\n" + "no\nB\nmore\n1\nkept\n" + "A\nB\nmore\nnew\n1\n"


async def test_what_is_brought_may_be_empty_nested_linked_and_executable(rig: Rig) -> None:
    hard = tar_info("hard", tarfile.LNKTYPE, "bin/tool")
    hard.mode = 0o700
    tree = made_tar(
        tar_info("./", tarfile.DIRTYPE),
        file_info("bin/tool", b"#!/bin/sh\necho ran\n", 0o700),
        file_info("a" * 120 + "/" + "ü" * 60, b"long\n"),
        tar_info("link", tarfile.SYMTYPE, "bin/tool"),
        hard,
    )
    text, _ = await carried(
        rig,
        {"tree": tree, "empty": made_tar(), "tree/inner": tar_of_files({"x": b"inner\n"})},
        places=(
            Place(target="tree", read_only=True),
            Place(target="empty", read_only=True),
            Place(target="tree/inner"),
        ),
        run="cd tree; ./bin/tool; ./link; ./hard; cat a*/*; ls ../empty; cat inner/x",
    )
    assert text == "ran\nran\nran\nlong\ninner\n"


async def test_files_and_directories_are_taken_with_all_that_is_in_them(rig: Rig) -> None:
    script = LINK + (
        "mkdir -p out/deep/er; echo 1 > out/one; echo 2 > out/deep/er/two; link one out/link;"
        "link out/deep latest; link /nowhere dangling; echo free > free/made"
    )
    _, (out, one, deep, latest, free) = await carried(
        rig,
        {"free": made_tar()},
        ["out", "./out/one", "out/deep/er/../", "latest", "free"],
        places=(Place(target="free"),),
        run=script,
    )
    assert out == {
        "out": b"/",
        "out/deep": b"/",
        "out/deep/er": b"/",
        "out/deep/er/two": b"2\n",
        "out/link": b"-> one",
        "out/one": b"1\n",
    }
    assert one == {"one": b"1\n"}
    assert deep == latest == {"deep": b"/", "deep/er": b"/", "deep/er/two": b"2\n"}
    assert free == {"free": b"/", "free/made": b"free\n"}


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("missing", "path 'missing': no such file or directory"),
        ("out/missing/deeper", "no such file or directory"),
        ("dangling", "no such file or directory|it leads out of the task's directory"),
        ("out/pipe", "it is neither a file nor a directory"),
    ],
)
async def test_what_can_not_be_taken_is_named(rig: Rig, path: str, error: str) -> None:
    make = "mkdir out; (mkfifo out/pipe || busybox mkfifo out/pipe) 2>/dev/null;"
    with pytest.raises(RuntimeRejected, match=error):
        await carried(rig, {}, [path], run=LINK + make + "link /nowhere dangling")


async def test_a_stop_ends_what_is_brought_at_once(rig: Rig) -> None:
    ran = rig.task(places=(Place(target="data"),), run="echo never")
    await ran.execution.prepare()
    bringing = asyncio.create_task(ran.execution.bring("data", endless()))
    await asyncio.sleep(0.3)  # in the middle of it
    await ran.execution.stop()
    with pytest.raises(TransferStopped):
        await asyncio.wait_for(bringing, 10)
    await ran.execution.start()
    assert (await ran.execution.wait()).exit_code == 137
    await ran.execution.close()
    assert ran.text == ""


@pytest.mark.parametrize("how", ["stop", "terminate"])
async def test_a_stop_ends_what_is_taken_at_once(rig: Rig, how: str) -> None:
    ran = rig.task(run="truncate -s 20G big || busybox truncate -s 20G big")
    await succeeded(ran, {})

    async def take() -> None:
        async with ran.execution.take("big") as archive:
            async for _ in archive:
                taking.set()

    taking = asyncio.Event()
    task = asyncio.create_task(take())
    await taking.wait()
    await getattr(ran.execution, how)()
    with pytest.raises(TransferStopped):
        await asyncio.wait_for(task, 10)
    await ran.execution.close()


async def test_what_an_archive_raises_reaches_the_caller(rig: Rig) -> None:
    class StoreFailed(Exception):
        pass

    async def failing() -> AsyncIterator[bytes]:
        yield tar_of_files({"a": bytes(1_000_000)})[:500_000]
        raise StoreFailed

    ran = rig.task(places=(Place(target="data"),), run="true")
    await ran.execution.prepare()
    with pytest.raises(StoreFailed):
        await ran.execution.bring("data", failing())
    await ran.execution.close()


@pytest.mark.parametrize(
    ("archive", "error"),
    [
        (made_tar(file_info("../up", b"x")), "leads out of the directory"),
        (made_tar(file_info("/etc/x", b"x")), "leads out of the directory"),
        (made_tar(tar_info("dev", tarfile.CHRTYPE)), "neither file, directory nor link"),
        (made_tar(tar_info("l", tarfile.LNKTYPE, "../../x")), "leads out of the directory"),
        (tar_of_files({"a": bytes(5000)})[:3000], "ends in the middle"),
        (b"no tar at all" * 100, "no tar"),
    ],
)
async def test_what_is_no_tree_of_files_is_not_brought(
    rig: Rig, archive: bytes, error: str
) -> None:
    with pytest.raises(ObjectRefused, match=error):
        await carried(rig, {"data": archive}, places=(Place(target="data"),), run="true")


async def test_nothing_is_written_through_a_link_of_an_archive(rig: Rig, tmp_path: Path) -> None:
    link = tar_info("out", tarfile.SYMTYPE, str(tmp_path))
    archive = made_tar(link, file_info("out/written", b"x"))
    with pytest.raises((RuntimeRejected, AssertionError)):
        await carried(rig, {"data": archive}, places=(Place(target="data"),), run="exit 1")
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize(
    "target", ["", ".", "/", "../x", "a/../../x", "a\0b", "data", "./data", "one/"]
)
async def test_a_target_that_can_not_be_one_is_rejected(rig: Rig, target: str) -> None:
    places = (Place(target="data"), Place(target=target, is_directory=target != "one/"))
    with pytest.raises(RuntimeRejected, match="target"):
        await carried(rig, {}, places=places, run="true")


async def test_what_is_bound_is_seen_and_changed_only_where_it_may_be(
    rig: Rig, tmp_path: Path
) -> None:
    for name in ("kept", "free", "lasting"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(f"{name}\n")
    (tmp_path / "file").write_text("file\n")
    lasting = f"{DATA}/deep/lasting"
    text, _ = await carried(
        rig,
        {},
        places=(
            Place(target="kept", bind=str(tmp_path / "kept"), read_only=True),
            Place(target="free", bind=str(tmp_path / "free")),
            Place(target="f", bind=str(tmp_path / "file"), is_directory=False, read_only=True),
            Place(target=lasting, bind=str(tmp_path / "lasting"), read_only=True, is_linked=True),
        ),
        directories={"LASTING": lasting},
        run="cat kept/x free/x f $LASTING/x; "
        "for d in kept free; do echo new > $d/new; done 2>/dev/null; true",
    )
    assert text == "kept\nfree\nfile\nlasting\n"
    assert not (tmp_path / "kept" / "new").exists()
    assert (tmp_path / "free" / "new").read_text() == "new\n"
