"""What an operator's settings take from containers, and what images still can do."""

from collections.abc import AsyncIterator

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Mount
from tests.support.engines.execution_driver import Rig, address_of, aux, rig_of, with_settings
from tests.support.engines.images import BUSYBOX, make_changed_image

pytestmark = pytest.mark.real
VOLUME = Mount(type="volume", target="/data")
STATUS = "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status | cut -f2 | tr '\\n' ' '"


@pytest.fixture(params=["docker", "podman"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with rig_of(request.param, **address_of(request.param, request)) as rig:
        yield rig


def image_with_a_user(rig: Rig) -> str:
    settings = rig.settings
    host = settings.docker_host if rig.kind == "docker" else settings.podman_socket
    return make_changed_image(str(host), changes=["USER 1000"])


async def test_a_container_can_gain_no_privileges_and_few_capabilities(rig: Rig) -> None:
    _, ran = await rig.run(run=STATUS)
    effective, bounding, no_new_privileges = (int(each, 16) for each in ran.text.split())
    assert (effective, bounding, no_new_privileges) == (0x800004FB, 0x800004FB, 1)


async def test_an_image_that_runs_as_root_can_change_owners_and_become_another_user(
    rig: Rig,
) -> None:
    box = "/bin/busybox"
    script = f"touch a && {box} chown 1000 a && {box} chmod 4755 a && stat -c %u:%a a"
    outcome, ran = await rig.run(run=script)
    assert (outcome.exit_code, ran.text) == (0, "1000:4755\n")


@pytest.mark.parametrize(
    ("settings", "script", "text"),
    [
        ({"container_capabilities": ()}, STATUS, "0000000000000000 0000000000000000 1 "),
        ({"container_no_new_privileges": False}, STATUS, "00000000800004fb 00000000800004fb 0 "),
        ({"container_user": "1000:1001"}, "echo $(id -u):$(id -g)", "1000:1001\n"),
        ({"container_user": "1000"}, "echo x > $TORK_OUTPUT && echo y", "y\n"),
        (
            {"container_read_only": True},
            "touch /x || echo no; touch /tmp/x && echo yes",
            "no\nyes\n",
        ),
    ],
)
async def test_an_operator_can_take_more_from_containers(
    rig: Rig, settings: dict[str, object], script: str, text: str
) -> None:
    _, ran = await with_settings(rig, **settings).run(run=script)
    said = "".join(line for line in ran.text.splitlines(keepends=True) if "touch:" not in line)
    assert said == text


async def test_a_result_and_files_are_written_where_the_root_is_only_for_reading(rig: Rig) -> None:
    outcome, ran = await with_settings(rig, container_read_only=True).run(
        files={"a": "A"}, run="cat a; printf done > $TORK_OUTPUT"
    )
    assert (outcome.output, ran.text) == ("done", "A")


async def test_a_container_has_no_more_processes_than_the_setting_allows(rig: Rig) -> None:
    script = "n=0; while [ $n -lt 40 ]; do sleep 5 & n=$((n + 1)); done 2>&1; echo all"
    _, ran = await with_settings(rig, container_pids_limit=20).run(run=script)
    assert "fork" in ran.text


@pytest.mark.parametrize("size", ["100g", "2g", "100%", "0"])
async def test_a_tmpfs_over_the_bound_is_refused_with_the_setting(rig: Rig, size: str) -> None:
    opts = {"size": size}
    volume = {"type": "tmpfs", "device": "tmpfs", "o": f"size={size}"}
    for mount in (
        Mount(type="tmpfs", target="/x", opts=opts),
        Mount(type="volume", target="/x", opts=volume),
    ):
        with pytest.raises(RuntimeRejected, match=r"at most 1g .*CONTAINER_TMPFS_MAX"):
            await rig.run(mounts=(mount,), run="true")


async def test_a_tmpfs_without_a_size_has_the_bound(rig: Rig) -> None:
    rig = with_settings(rig, container_tmpfs_max="1m")
    mount = Mount(type="tmpfs", target="/fast")
    _, ran = await rig.run(mounts=(mount,), run="dd if=/dev/zero of=/fast/x bs=1k 2>&1")
    assert "No space left" in ran.text


@pytest.mark.parametrize("opts", [{}, {"type": "tmpfs", "device": "tmpfs"}])
async def test_a_volume_can_be_written_by_an_image_with_a_user(
    rig: Rig, opts: dict[str, str]
) -> None:
    mount = Mount(type="volume", target="/data", opts=opts)
    outcome, ran = await rig.run(
        mounts=(mount,), image=image_with_a_user(rig), run="echo mine > /data/x && cat /data/x"
    )
    assert (outcome.exit_code, ran.text) == (0, "mine\n")


async def test_a_volume_hands_files_over_between_users(rig: Rig) -> None:
    with_user = image_with_a_user(rig)
    outcome, ran = await rig.run(
        mounts=(VOLUME,),
        pre=(aux("pre 1", image=BUSYBOX, run="id -u; echo of pre > /data/a"),),
        image=with_user,
        run="id -u; cat /data/a; echo of main > /data/b",
        post=(aux("post 1", image=BUSYBOX, run="cat /data/b; rm /data/a"),),
    )
    assert (outcome.exit_code, ran.text) == (0, "0\n1000\nof pre\nof main\n")
