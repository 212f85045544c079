"""Files in and out of containers, whatever the image's user, the root and the other mounts are."""

import io
import tarfile
from collections.abc import AsyncIterator

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Mount, Place
from tests.support.engines.carried import carried, succeeded
from tests.support.engines.execution_driver import (
    NODE,
    Rig,
    address_of,
    aux,
    rig_of,
    sidecar,
    with_settings,
)
from tests.support.engines.images import BUSYBOX, add_file, busybox_tree, make_image
from tests.support.files.tars import file_info, made_tar, tar_info, tar_of_files

pytestmark = pytest.mark.real
ONLY_A_PROGRAM = "conveyor-test/only-a-program:1"
DATA = made_tar(tar_info("in", tarfile.DIRTYPE), file_info("in/x", b"x\n", 0o600))
ONE = tar_of_files({"one": b"1\n"})


@pytest.fixture(params=["docker", "podman"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with rig_of(request.param, **address_of(request.param, request)) as rig:
        yield rig


async def test_a_user_that_is_not_root_reads_all_and_writes_where_it_may(rig: Rig) -> None:
    rig = with_settings(rig, container_user="1234:1234")
    text, (free, deep) = await carried(
        rig,
        {"/tmp": DATA, "/srv/free": DATA, "d/one": ONE, "/tmp/in/two": ONE, "/opt/three": ONE},
        ["/srv/free", "d"],
        places=(
            Place(target="/tmp", read_only=True),
            Place(target="/srv/free"),
            Place(target="d/one", is_directory=False),
            Place(target="/tmp/in/two", is_directory=False, read_only=True),
            Place(target="/opt/three", is_directory=False, read_only=True),
        ),
        pre=(aux("pre 1", image=BUSYBOX, run="id -u; cat d/one; echo pre > d/made"),),
        run="ls /tmp; cat /tmp/in/x /tmp/in/two /opt/three; (echo > /opt/three) 2>/dev/null;"
        "echo new >> /srv/free/in/x; echo 2 >> d/one; echo made > d/by",
    )
    assert text == "1234\n1\nin\nx\n1\n1\n"
    assert free == {"free": b"/", "free/in": b"/", "free/in/x": b"x\nnew\n"}
    assert deep == {"d": b"/", "d/one": b"1\n2\n", "d/by": b"made\n"}


async def test_sidecars_have_the_files_too(rig: Rig) -> None:
    serve = "cat /data/in/x /one > /data/served; echo ready; sleep 1000"
    text, (data,) = await carried(
        rig,
        {"/data": DATA, "/one": ONE},
        ["/data/served"],
        places=(Place(target="/data"), Place(target="/one", is_directory=False)),
        sidecars=(sidecar("web", run=serve),),
        run="while [ ! -s /data/served ]; do sleep 0.1; done; cat /one",
    )
    assert "1\n" in text
    assert data == {"served": b"x\n1\n"}


async def test_an_image_needs_no_shell(rig: Rig) -> None:
    def tree() -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(busybox_tree())) as whole:
            program = whole.extractfile("bin/busybox")
            assert program is not None
            with tarfile.open(fileobj=buffer, mode="w") as tar:
                add_file(tar, "busybox", program.read(), 0o755)
        return buffer.getvalue()

    address = rig.settings.podman_socket if rig.kind == "podman" else rig.settings.docker_host
    make_image(str(address), ONLY_A_PROGRAM, tree)
    _, (copy,) = await carried(
        rig,
        {"/data": DATA, "one": ONE},
        ["/copy"],
        image=ONLY_A_PROGRAM,
        places=(Place(target="/data", read_only=True), Place(target="one", is_directory=False)),
        cmd=("/busybox", "cp", "-r", "/data/in", "/copy"),
    )
    assert copy == {"copy": b"/", "copy/x": b"x\n"}


async def test_a_root_that_is_only_for_reading_takes_directories_and_what_is_below_the_workdir(
    rig: Rig,
) -> None:
    rig = with_settings(rig, container_read_only=True)
    text, (out,) = await carried(
        rig,
        {"/data": DATA, "one": ONE},
        ["out"],
        places=(Place(target="/data"), Place(target="one", is_directory=False)),
        run="cat one /data/in/x | tee out || { cat one /data/in/x > out; cat out; }",
    )
    assert text.endswith("1\nx\n")
    assert out == {"out": b"1\nx\n"}
    with pytest.raises(RuntimeRejected, match="'/opt/x' is only for reading on this worker"):
        await carried(rig, {}, places=(Place(target="/opt/x", is_directory=False),), run="true")


@pytest.mark.parametrize(
    ("place", "error"),
    [
        (Place(target="/shared"), "the task mounts something else there"),
        (Place(target="/tork"), "must not be /tork nor below it"),
        (Place(target="/tork/stdout", is_directory=False), "must not be /tork nor below it"),
        (Place(target="/fast/x", is_directory=False), "into a mount in memory"),
    ],
)
async def test_a_place_that_does_not_go_with_the_container_is_rejected(
    rig: Rig, place: Place, error: str
) -> None:
    mounts = (Mount(type="volume", target="/shared"), Mount(type="tmpfs", target="/fast"))
    with pytest.raises(RuntimeRejected, match=error):
        await carried(rig, {}, mounts=mounts, places=(place,), run="true")


async def test_files_come_into_volumes_and_are_taken_from_them(rig: Rig) -> None:
    mounts = (Mount(type="volume", target="/shared"), Mount(type="tmpfs", target="/data/fast"))
    _, (shared, inner) = await carried(
        rig,
        {"/shared/deep/one": ONE, "/data": DATA},
        ["/shared", "/shared/deep"],
        mounts=mounts,
        places=(
            Place(target="/shared/deep/one", is_directory=False),
            Place(target="/data", read_only=True),
        ),
        pre=(aux("pre 1", image=BUSYBOX, run="echo pre > /data/fast/x"),),
        run="cat /shared/deep/one > /shared/copy",
    )
    deep = {"deep": b"/", "deep/one": b"1\n"}
    assert shared == {
        "shared": b"/",
        "shared/copy": b"1\n",
        **{f"shared/{name}": data for name, data in deep.items()},
    }
    assert inner == deep


async def test_the_reaper_removes_what_was_brought_for_a_worker_that_is_gone(rig: Rig) -> None:
    ran = rig.task(places=(Place(target="/data", read_only=True),), run="true")
    await succeeded(ran, {"/data": DATA})
    assert (
        await rig.runtime.reap(lambda left: left.node_id == NODE) == 3
    )  # two containers, a volume
    assert await rig.leftovers() == []
    await ran.execution.close()
