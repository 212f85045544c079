"""Logins read from a Docker config file, and which image each is for."""

import base64
import json
from pathlib import Path

import pytest

from conveyor.extensions.tasks import Registry
from services.worker.runtimes.containers.images import read_logins, registry_of


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("busybox", "docker.io"),
        ("library/busybox:1", "docker.io"),
        ("index.docker.io/library/busybox", "docker.io"),
        ("localhost/a", "localhost"),
        ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000"),
        ("quay.example.com/a@sha256:abc", "quay.example.com"),
    ],
)
def test_an_image_names_its_registry(image: str, registry: str) -> None:
    assert registry_of(image) == registry


def test_logins_are_found_by_the_image_they_are_for(tmp_path: Path) -> None:
    auth = base64.b64encode(b"ann:pass:word").decode()
    file = tmp_path / "config.json"
    auths = {
        "https://index.docker.io/v1/": {"auth": auth},
        "quay.example.com": {"username": "bob", "password": "secret"},
        "helper.example.com": {},  # kept by a credential helper
    }
    file.write_text(json.dumps({"auths": auths, "credsStore": "desktop"}))
    logins = read_logins(str(file))
    assert logins.get(registry_of("busybox")) == Registry("ann", "pass:word")
    assert logins.get(registry_of("quay.example.com/a")) == Registry("bob", "secret")
    assert logins.get(registry_of("helper.example.com/a")) is None
    assert logins.get(registry_of("other.example.com/a")) is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"auths": [1]}', '{"auths": {"a": {"auth": "%"}}}', '{"auths": {"a": {"u": 1}}}'],
)
def test_a_file_that_is_no_docker_config_is_named_in_the_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"config\.json is not a Docker config file"):
        read_logins(str(file))


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_logins(str(tmp_path / "none.json"))


def test_without_a_name_and_without_a_file_there_are_no_logins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_logins(None).get(registry_of("busybox")) is None
