"""What containers of one task share: mounts, networks, sidecars; and what the operator allows."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Mount, Probe
from services.worker.runtimes.containers.labels import LABEL_NODE
from tests.support.engines.execution_driver import (
    NODE,
    Rig,
    address_of,
    aux,
    engine_of,
    rig_of,
    sidecar,
    with_settings,
)
from tests.support.engines.images import BUSYBOX

pytestmark = pytest.mark.real

SERVE = "mkdir /www; echo hello from $0 > /www/index.html; httpd -f -p 8080 -h /www"
READY = Probe(port=8080, path="/index.html")
VOLUME = Mount(type="volume", target="/shared")


@pytest.fixture(params=["docker", "podman"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with rig_of(request.param, **address_of(request.param, request)) as rig:
        yield rig


async def test_a_volume_is_shared_by_pre_main_and_post(rig: Rig) -> None:
    _, ran = await rig.run(
        mounts=(VOLUME,),
        pre=(aux("pre 1", image=BUSYBOX, run="echo from pre > /shared/a"),),
        run="cat /shared/a; echo from main > /shared/b",
        post=(aux("post 1", image=BUSYBOX, run="cat /shared/b"),),
    )
    assert ran.text == "from pre\nfrom main\n"


async def test_a_tmpfs_has_the_size_it_asks_for(rig: Rig) -> None:
    mount = Mount(type="tmpfs", target="/fast", opts={"size": "1m"})
    _, ran = await rig.run(mounts=(mount,), run="dd if=/dev/zero of=/fast/x bs=1k 2>&1")
    assert "No space left" in ran.text


async def test_a_bind_mount_shows_the_machines_files(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("from the host")
    rig = with_settings(rig, bind_allowed=True, bind_sources=(str(tmp_path),))
    mount = Mount(type="bind", source=str(tmp_path), target="/in", opts={"readonly": "true"})
    _, ran = await rig.run(mounts=(mount,), run="cat /in/a.txt; touch /in/b 2>&1 || echo ' ro'")
    assert ran.text.startswith("from the host")
    assert ran.text.endswith(" ro\n")


async def test_the_main_container_starts_when_its_sidecars_answer(rig: Rig) -> None:
    late = f"sleep 1; {SERVE}"
    outcome, ran = await rig.run(
        sidecars=(sidecar("web", READY, run=late), sidecar("other", READY, run=SERVE)),
        run="wget -q -O - http://web:8080/index.html && wget -q -O - http://other:8080/index.html",
    )
    assert (outcome.exit_code, ran.text.count("hello from")) == (0, 2)


async def test_a_sidecars_lines_are_in_the_log_under_its_name(rig: Rig) -> None:
    _, ran = await rig.run(
        sidecars=(sidecar("web", READY, run=f"echo starting; {SERVE}"),), run="printf main"
    )
    assert ran.text == "[web] starting\nmain\n"


async def test_a_sidecar_that_ends_before_the_task_starts_fails_it_by_name(rig: Rig) -> None:
    outcome, ran = await rig.run(
        sidecars=(sidecar("db", READY, run="echo no disk; exit 7"),), run="echo never"
    )
    assert (outcome.exit_code, outcome.part) == (7, 'sidecar "db"')
    assert outcome.reason == "it ended before the task could start"
    assert ran.text == "[db] no disk\n"


async def test_a_probe_that_gets_no_answer_in_time_says_so(rig: Rig) -> None:
    hasty = Probe(port=8080, path="/index.html", timeout_seconds=1)
    text = r'sidecar "db": no 200 from GET /index.html on port 8080 within 1s \(.+\)'
    with pytest.raises(RuntimeRejected, match=text):
        await rig.run(sidecars=(sidecar("db", hasty, run="sleep 1000"),), run="echo never")


async def test_a_probe_wants_200_and_nothing_else(rig: Rig) -> None:
    must_answer_within = 6.0
    wrong = Probe(port=8080, path="/missing", timeout_seconds=must_answer_within)
    with pytest.raises(RuntimeRejected, match="the last answer was 404"):
        await rig.run(sidecars=(sidecar("db", wrong, run=SERVE),), run="echo never")


async def test_a_probe_image_asks_from_inside_the_engine(rig: Rig) -> None:
    rig = with_settings(rig, probe_image=BUSYBOX)
    _, ran = await rig.run(
        sidecars=(sidecar("web", READY, run=f"sleep 1; {SERVE}"),),
        run="wget -q -O - http://web:8080/index.html",
    )
    assert ran.text.startswith("hello from")
    hasty = Probe(port=8080, path="/missing", timeout_seconds=2)
    with pytest.raises(RuntimeRejected, match="no 200 from GET /missing"):
        await rig.run(sidecars=(sidecar("web", hasty, run=SERVE),), run="echo never")


@pytest.mark.parametrize("ready", [True, False], ids=["main", "probing"])
async def test_stop_ends_main_and_sidecars_in_any_phase(rig: Rig, ready: bool) -> None:
    serve = SERVE if ready else "sleep 1000"
    ran = rig.task(
        sidecars=(sidecar("web", READY, run=f"echo up; {serve}"),), run="echo main; sleep 1000"
    )
    waiting = await ran.begin()
    await ran.logged("main" if ready else "up")
    await ran.execution.stop()
    assert not (await ran.finish(waiting)).is_success


async def test_networks_are_joined_by_name(rig: Rig) -> None:
    names = [f"conveyor-test-{uuid.uuid4().hex}" for _ in range(2)]
    async with engine_of(rig.settings, rig.kind) as engine:
        made = engine.resources
        try:
            for name in names:
                await made.create_network(name, {}, internal=False)
            ran = rig.task(
                networks=tuple(names),
                sidecars=(sidecar("web", READY, run=SERVE),),
                run="echo up; sleep 1000",
            )
            waiting = await ran.begin()
            await ran.logged("up")
            found = [c for c, node in await engine.labelled() if node == NODE]
            for container in found:
                for name in names:
                    assert await made.address_of(container, name)
            assert len(found) == 2
            await ran.execution.stop()
            await ran.finish(waiting)
        finally:
            for name in names:
                await made.remove("networks", name)


async def test_a_network_that_is_not_there_is_rejected_by_name(rig: Rig) -> None:
    for name in ("no-such-network", "../volumes", "a?b", ""):
        with pytest.raises(RuntimeRejected, match=r"network .* does not exist"):
            await rig.run(networks=(name,), cmd=("true",))


async def test_another_tasks_own_network_is_not_there_by_name_nor_by_id(rig: Rig) -> None:
    name = f"conveyor-test-{uuid.uuid4().hex}"
    async with engine_of(rig.settings, rig.kind) as engine:
        made = engine.resources
        try:
            await made.create_network(name, {LABEL_NODE: NODE}, internal=False)
            found = await engine._calls.ask(f"networks/{name}")
            for known_as in (name, found["Id"], found["Id"][:12]):
                with pytest.raises(RuntimeRejected, match=r"network .* does not exist"):
                    await rig.run(networks=(known_as,), cmd=("true",))
        finally:
            await made.remove("networks", name)


async def test_only_networks_that_the_operator_names_are_joined(rig: Rig) -> None:
    names = [f"conveyor-test-{uuid.uuid4().hex}" for _ in range(2)]
    rig = with_settings(rig, networks_allowed=(names[0],))
    async with engine_of(rig.settings, rig.kind) as engine:
        made = engine.resources
        try:
            for name in names:
                await made.create_network(name, {}, internal=False)
            outcome, _ = await rig.run(networks=(names[0],), cmd=("true",))
            assert outcome.is_success
            with pytest.raises(RuntimeRejected, match="CONVEYOR_RUNTIME_NETWORKS_ALLOWED"):
                await rig.run(networks=(names[1],), cmd=("true",))
        finally:
            for name in names:
                await made.remove("networks", name)


async def test_the_machines_network_needs_the_operators_leave(rig: Rig) -> None:
    for name in ("host", "container:abc"):
        with pytest.raises(RuntimeRejected, match="CONVEYOR_RUNTIME_HOST_NETWORKS_ALLOWED"):
            await rig.run(networks=(name,), cmd=("true",))


async def test_the_machines_network_can_be_joined_with_it(rig: Rig) -> None:
    rig = with_settings(rig, host_networks_allowed=True)
    outcome, _ = await rig.run(networks=("host",), cmd=("true",))
    assert outcome.is_success


async def test_a_privileged_container_needs_the_operators_leave(rig: Rig) -> None:
    with pytest.raises(RuntimeRejected, match="CONVEYOR_RUNTIME_PRIVILEGED_ALLOWED"):
        await rig.run(privileged=True, cmd=("true",))
    ran = with_settings(rig, privileged_allowed=True).task(privileged=True, cmd=("true",))
    await ran.execution.prepare()
    async with engine_of(rig.settings, rig.kind) as engine:
        [container] = [c for c, node in await engine.labelled() if node == NODE]
        shown = await engine._docker.containers.container(container).show()
    await ran.execution.close()
    assert shown["HostConfig"]["Privileged"]


@pytest.mark.parametrize(
    "probe", [Probe(port=8080, path=None), Probe(command=("test", "-e", "/www/index.html"))]
)
async def test_a_sidecar_is_ready_by_a_connection_or_a_command(rig: Rig, probe: Probe) -> None:
    web = sidecar("web", probe, run=f"sleep 1; {SERVE}")
    outcome, ran = await rig.run(sidecars=(web,), run="nc -z web 8080 || sleep 1; echo ready")
    assert outcome.exit_code == 0
    assert "ready" in ran.text


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        (Probe(port=81, path=None), "no connection to port 81 within 2s"),
        (Probe(command=("false",)), "no exit code 0 from false within 2s"),
        (Probe(command=("no-such-program",)), "no exit code 0 from no-such-program within 2s"),
    ],
)
async def test_a_sidecar_that_is_not_ready_in_time_fails_the_task_with_what_was_asked(
    rig: Rig, probe: Probe, said: str
) -> None:
    web = sidecar("web", replace(probe, timeout_seconds=2), run="sleep 1000")
    with pytest.raises(RuntimeRejected, match=said):
        await rig.run(sidecars=(web,), run="true")


@pytest.mark.parametrize("kind", ["docker"])  # Podman 4 passes over a device request
async def test_gpus_on_a_machine_without_any_are_rejected(
    kind: str, request: pytest.FixtureRequest
) -> None:
    async with rig_of(kind, **address_of(kind, request)) as rig:
        with pytest.raises(RuntimeRejected, match="could not select device driver"):
            await rig.run(gpus="all", cmd=("true",))
