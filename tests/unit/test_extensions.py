"""What packages add by entry points, and what an operator is told of one that can't be used."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.coordinator.api.application import added_middlewares
from services.coordinator.settings import ApiSettings
from services.webhook_dispatcher.settings import ListenerSettings
from services.worker.runtimes.containers.runtime import mount_types
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from shared.process.extensions import ExtensionRejected, Group, installed, load
from shared.process.run import CannotStart

MODULE = """
from aiohttp import web

answer = 42

async def anything(request, handler):
    return await handler(request)

@web.middleware
async def first(request, handler):
    return await handler(request)

@web.middleware
async def second(request, handler):
    return await handler(request)

def runtime(settings):
    return settings.shell_command
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a package's metadata on the path, as an installer does: {name: object}."""

    def add(package: str, group: Group, **entries: str) -> None:
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
        (info / "entry_points.txt").write_text("\n".join(lines))

    (tmp_path / "added_by_a_test.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return add


def test_an_unknown_runtime_is_refused_with_a_list_of_those_there_are(install: Install) -> None:
    install("fast", Group.RUNTIMES, firecracker="added_by_a_test:runtime")
    rule = (
        "there is no 'docer', must be one of: auto, docker, firecracker, podman, shell "
        r"\(packages add to conveyor.runtimes\)"
    )
    with pytest.raises(ValidationError, match=rule):
        RuntimeSettings(type="docer")


def test_a_runtime_of_a_package_is_made_with_the_operators_settings(install: Install) -> None:
    install("fast", Group.RUNTIMES, firecracker="added_by_a_test:runtime")
    settings = RuntimeSettings(type="firecracker", shell_command=("zsh", "-c"))
    made: object = make_runtime(settings)  # no runtime: what it was given
    assert made == ("zsh", "-c")


def test_where_nothing_is_installed_an_unknown_name_says_so() -> None:
    with pytest.raises(ValidationError, match="there is no 'audit', none is installed"):
        ListenerSettings(names="audit")
    with pytest.raises(ValidationError, match=r"there is no 'x', .*conveyor\.api_middlewares"):
        ApiSettings(middlewares="x")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("no_such_module:f", "can't be loaded: ModuleNotFoundError: No module named"),
        ("added_by_a_test:missing", "can't be loaded: AttributeError: "),
        ("added_by_a_test:answer", "is not callable: 42"),
    ],
)
def test_what_can_not_be_used_is_named_with_its_package(
    install: Install, target: str, why: str
) -> None:
    install("fast", Group.EVENT_LISTENERS, audit=target)
    text = f"audit = {target} in conveyor.event_listeners, of the package fast, {why}"
    with pytest.raises(ExtensionRejected, match=re.escape(text)):
        load(Group.EVENT_LISTENERS, "audit")
    assert issubclass(ExtensionRejected, CannotStart)


def test_a_name_of_two_packages_is_nobodys(install: Install) -> None:
    for package in ("fast", "slow"):
        install(package, Group.RUNTIMES, firecracker="added_by_a_test:runtime")
    assert installed(Group.RUNTIMES) == ("firecracker",)
    with pytest.raises(ExtensionRejected, match="from several packages: fast, slow"):
        load(Group.RUNTIMES, "firecracker")


def test_middlewares_run_in_the_order_of_the_setting(install: Install) -> None:
    install("gate", Group.API_MIDDLEWARES, a="added_by_a_test:first", b="added_by_a_test:second")
    names = ApiSettings(middlewares="b, a").middleware_names
    assert [getattr(each, "__name__", "") for each in added_middlewares(names)] == [
        "second",
        "first",
    ]
    with pytest.raises(ValidationError, match="'a' is named twice"):
        ApiSettings(middlewares="a,b,a")


def test_a_middleware_without_its_mark_keeps_the_service_from_starting(install: Install) -> None:
    install("gate", Group.API_MIDDLEWARES, gate="added_by_a_test:anything")
    with pytest.raises(ExtensionRejected, match=r"gate, is not marked with @aiohttp\.web"):
        added_middlewares(["gate"])


def test_mount_types_of_packages_stand_beside_ours(install: Install) -> None:
    install("disks", Group.MOUNTS, nfs="added_by_a_test:anything")
    assert sorted(mount_types()) == ["bind", "nfs", "tmpfs", "volume"]


def test_a_mount_type_of_ours_can_not_be_replaced(install: Install) -> None:
    install("disks", Group.MOUNTS, bind="added_by_a_test:anything")
    with pytest.raises(ExtensionRejected, match="of the package disks, has a name that is built"):
        mount_types()
