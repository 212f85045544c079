"""What `conveyor.extensions` promises: it stands alone, and what the services hand over fits."""

import subprocess
import sys
from pathlib import Path

import pytest

import conveyor
from conveyor import _names, extensions
from conveyor.extensions.listeners import Change
from conveyor.extensions.middlewares import Caller
from conveyor.extensions.runtimes import OperatorSettings
from services.coordinator.api.access.principal import UNRESTRICTED
from services.worker.runtimes.settings import RuntimeSettings
from shared import messages

MODULES = sorted(path.stem for path in Path(extensions.__file__).parent.glob("[!_]*.py"))
SDK = Path(conveyor.__file__).parents[1]
NOT_LOADED = {"httpx", "pydantic", "aiohttp", "conveyor.models", "conveyor._names"}
NOT_LOADED_BY_A_WORKER = NOT_LOADED - {"pydantic", "aiohttp"}


def loaded_by(code: str, *options: str) -> set[str]:
    code = f"import sys; sys.path.append({str(SDK)!r}); {code}; print(*sys.modules)"
    done = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, check=True)
    return set(done.stdout.decode().split())


def test_the_protocols_need_the_standard_library_alone() -> None:
    names = [f"conveyor.extensions.{name}" for name in MODULES]
    loaded = loaded_by(f"import {', '.join(names)}", "-I", "-S")  # no other package is found
    assert set(names) <= loaded
    assert loaded & NOT_LOADED == set()
    assert [name for name in names if name not in (extensions.__doc__ or "")] == [
        "conveyor.extensions.terminators"  # a part of `runtimes`, for a watchdog to load alone
    ]


def test_a_worker_does_without_the_client() -> None:
    assert loaded_by("import services.worker.app") & NOT_LOADED_BY_A_WORKER == set()


def test_the_client_has_every_name_and_no_other() -> None:
    assert {name: getattr(conveyor, name) for name in _names.__all__} == {
        name: getattr(_names, name) for name in _names.__all__
    }
    offered: dict[str, object] = {}
    exec("from conveyor import *", offered)
    assert set(_names.__all__) == set(offered) - {"__builtins__"}
    assert set(_names.__all__) <= set(dir(conveyor))
    with pytest.raises(ImportError, match="cannot import name 'Clinet' from 'conveyor'"):
        exec("from conveyor import Clinet")


def test_what_services_hand_over_has_what_is_promised() -> None:
    caller: Caller = UNRESTRICTED
    settings: OperatorSettings = RuntimeSettings()
    assert (caller.user, caller.roles, caller.scopes, caller.is_admin) == (
        None,
        set(),
        {"admin"},
        True,
    )
    promised = [name for name in vars(OperatorSettings) if not name.startswith("_")]
    assert [name for name in promised if not hasattr(settings, name)] == []
    assert set(Change.__annotations__) <= set(messages.Change.model_fields)
