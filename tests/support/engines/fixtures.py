"""Container engines for the tests, one each a session: `docker_host` and `podman_host`."""

from collections.abc import Iterator

import pytest

from tests.support.availability import unavailable
from tests.support.engines.docker_engine import PrivateDocker, existing_docker
from tests.support.engines.engine_process import EngineUnavailable
from tests.support.engines.images import make_images
from tests.support.engines.podman import PrivatePodman


@pytest.fixture(scope="session")
def docker_host() -> Iterator[str]:
    """The address of a Docker engine that has the test images."""
    existing = existing_docker()
    if existing is not None:
        make_images(existing)
        yield existing
        return
    yield from _private(PrivateDocker)


@pytest.fixture(scope="session")
def podman_host() -> Iterator[str]:
    """The address of a Podman service that has the test images."""
    yield from _private(PrivatePodman)


def _private(kind: type[PrivateDocker] | type[PrivatePodman]) -> Iterator[str]:
    try:
        engine = kind()
    except EngineUnavailable as error:  # the machine can't: say so, and go on with the rest
        unavailable(f"{kind.__name__}: {error}")
    try:
        make_images(engine.host)
        yield engine.host
    finally:
        engine.close()
