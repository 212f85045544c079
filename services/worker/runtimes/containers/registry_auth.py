"""Registry logins of this machine, from a Docker `config.json`.

Only logins written in the file itself (`auths`) are used. Credential helpers (`credHelpers`,
`credsStore`) are programs that need a desktop or a cloud account and are not supported.
"""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.worker.runtimes.task_spec import RegistryLogin

_HUB = "docker.io"
_HUB_ALIASES = {"index.docker.io", "registry-1.docker.io", "docker.io"}


@dataclass(frozen=True, slots=True)
class RegistryLogins:
    """A login for each registry host (`docker.io` is Docker's own)."""

    by_host: dict[str, RegistryLogin] = field(default_factory=dict)

    def for_image(self, image: str) -> RegistryLogin | None:
        return self.by_host.get(registry_of(image))


def read_logins(path: str | None) -> RegistryLogins:
    """Reads the file at start; without a path, `~/.docker/config.json` if there is one.

    Raises ValueError when the file isn't what it should be, and OSError when a path was given but
    can't be read.
    """
    file = Path(path) if path else Path.home() / ".docker" / "config.json"
    if path is None and not file.is_file():
        return RegistryLogins()
    try:
        auths = json.loads(file.read_text()).get("auths", {})
        return RegistryLogins({_host(key): _login(entry) for key, entry in auths.items() if entry})
    except (
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
    ) as error:  # not JSON, or of another shape
        raise ValueError(f"{file} is not a Docker config file: {error}") from error


def registry_of(image: str) -> str:
    """The registry host an image reference names; `docker.io` when it names none."""
    first, slash, _ = image.partition("/")
    names_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return _canonical(first) if names_host else _HUB


def _host(key: str) -> str:
    return _canonical(key.removeprefix("https://").removeprefix("http://").partition("/")[0])


def _canonical(host: str) -> str:
    return _HUB if host in _HUB_ALIASES else host


def _login(entry: dict[str, Any]) -> RegistryLogin:
    if "auth" not in entry:
        return RegistryLogin(str(entry["username"]), str(entry["password"]))
    username, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    return RegistryLogin(username, password)
