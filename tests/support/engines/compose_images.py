"""What `docker compose up` needs where no registry can be reached: images, and compose itself.

The images that docker-compose.yml and deploy/Dockerfile name are pulled where that works. Elsewhere
they are made of Debian 13, which has Python 3.13, Postgres 17 and RabbitMQ 4. What takes long is
kept under build/, so that it is done once.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.availability import Unavailable
from tests.support.servers.debian_tree import ROOT, debian_tree, mirror, run

CONVEYOR = "conveyor:test"
_RECIPES = Path(__file__).parent / "compose"
_KEPT = ROOT / "build" / "compose"
_TREE_IMAGE = "conveyor-test/debian:13"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_LOOK_ALIKES = {
    "python:3.13-slim": "Dockerfile.python",
    "postgres:17": "Dockerfile.postgres",
    "rabbitmq:4": "Dockerfile.rabbitmq",
}


def docker_environment(host: str) -> dict[str, str]:
    """For the `docker` command: that engine, with a compose plugin. Raises Unavailable."""
    environment = {**os.environ, "DOCKER_HOST": host, "DOCKER_BUILDKIT": "0"}
    if shutil.which("docker") is None:
        raise Unavailable("the docker command is not installed")
    if _succeeds(["docker", "compose", "version"], environment):
        return environment
    return {**environment, "DOCKER_CONFIG": str(_compose_plugin().parents[1])}


def make_compose_images(environment: Mapping[str, str]) -> None:
    """Pull or make all images, and build Conveyor's. Raises Unavailable."""
    for name, recipe in _LOOK_ALIKES.items():
        is_ours = _has(name, environment) and not _was_pulled(name, environment)
        if is_ours or not _succeeds(["docker", "pull", name], environment):
            _make_look_alike(name, recipe, environment)  # the engine keeps what has not changed
    # The host's network: what the build downloads comes from where this machine gets it.
    build = ["docker", "build", "--network=host", "--file=deploy/Dockerfile", f"--tag={CONVEYOR}"]
    run([*build, "."], environment)


def _make_look_alike(name: str, recipe: str, environment: Mapping[str, str]) -> None:
    if not _has(_TREE_IMAGE, environment):
        _import_tree(environment)
    with tempfile.TemporaryDirectory() as context:
        shutil.copytree(_RECIPES, context, dirs_exist_ok=True)
        shutil.copy(_CERTIFICATES, context)
        file = f"--file={context}/{recipe}"
        tree = f"--build-arg=TREE={_TREE_IMAGE}"
        run(["docker", "build", file, tree, f"--tag={name}", context], environment)


def _import_tree(environment: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="conveyor-debian-") as directory:
        packed = f"{directory}/tree.tar"
        run(["tar", f"--directory={debian_tree()}", "-cf", packed, "."])
        run(["docker", "import", packed, _TREE_IMAGE], environment)


def _compose_plugin() -> Path:
    """Debian 13's docker-compose, which is one program and runs on Debian 12 as well."""
    config = _KEPT / "docker-config"
    plugin = config / "cli-plugins" / "docker-compose"
    if plugin.exists():
        return plugin
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Unavailable("docker compose is not installed")
    with tempfile.TemporaryDirectory(prefix="conveyor-compose-") as directory:
        _download("docker-compose", Path(directory))
        plugin.parent.mkdir(parents=True, exist_ok=True)
        unpacked = Path(directory) / "usr/libexec/docker/cli-plugins/docker-compose"
        shutil.move(unpacked, plugin)
    return plugin


def _download(package: str, directory: Path) -> None:
    """Fetch and unpack a package of Debian 13 without touching this machine's own apt."""
    (directory / "lists" / "partial").mkdir(parents=True)
    sources = directory / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYRING}] {mirror()} trixie main\n")
    own = {
        "Dir::State::Lists": directory / "lists",
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Cache": directory,
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-qq", *(f"--option={key}={value}" for key, value in own.items())]
    run([*apt, "update"], os.environ, directory)
    run([*apt, "download", package], os.environ, directory)
    (archive,) = directory.glob(f"{package}_*.deb")
    run(["dpkg-deb", "--extract", str(archive), str(directory)], os.environ)


def _has(image: str, environment: Mapping[str, str]) -> bool:
    return _succeeds(["docker", "image", "inspect", image], environment)


def _was_pulled(image: str, environment: Mapping[str, str]) -> bool:
    digests = "{{len .RepoDigests}}"
    command = ["docker", "image", "inspect", "--format", digests, image]
    return subprocess.check_output(command, env=environment, text=True).strip() != "0"


def _succeeds(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    return (
        subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
    )
