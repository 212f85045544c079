"""RabbitMQ for a test session: the one that is named, one of our own, or a container."""

import os
from collections.abc import Iterator

import pytest

from tests.support.availability import Unavailable, unavailable
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.servers.rabbitmq_installations import FOUR, INSTALLED, VERSIONS, installation

_IMAGE = "rabbitmq:4-management"


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """An amqp:// address. `CONVEYOR_TEST_AMQP_URL` wins; tests share it, so name queues apart."""
    named = os.environ.get("CONVEYOR_TEST_AMQP_URL")
    if named:
        yield named
        return
    try:
        server = PrivateRabbit()
    except Unavailable:  # perhaps an engine has or gets the image
        yield from _containerised()
        return
    with server:
        yield server.url


@pytest.fixture(scope="session")
def rabbitmq_4_url() -> Iterator[str]:
    """An amqp:// address of RabbitMQ 4, whatever this machine's own is."""
    with private_rabbit_of(FOUR) as server:
        yield server.url


@pytest.fixture(scope="module")
def private_rabbit() -> Iterator[PrivateRabbit]:
    """A server to kill, restart and command."""
    with private_rabbit_of(INSTALLED) as server:
        yield server


@pytest.fixture(scope="module", params=VERSIONS)
def each_rabbit(request: pytest.FixtureRequest) -> Iterator[PrivateRabbit]:
    """As `private_rabbit`, of one version after the other."""
    with private_rabbit_of(request.param) as server:
        yield server


@pytest.fixture
def rabbitmq_installed() -> None:
    """For tests whose subject starts a server itself."""
    private_rabbit_of(INSTALLED).close()


def private_rabbit_of(version: str) -> PrivateRabbit:
    """Not started yet. A named server won't do: it can't be killed."""
    try:
        return PrivateRabbit(installation(version))
    except Unavailable as error:  # the machine can't: say so, and go on with the rest
        unavailable(f"RabbitMQ {version}: {error}")


def _containerised() -> Iterator[str]:
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.rabbitmq import RabbitMqContainer  # imports docker, so only when it is due

    with RabbitMqContainer(_IMAGE) as container:
        host, port = container.get_container_host_ip(), container.get_exposed_port(5672)
        yield f"amqp://guest:guest@{host}:{port}/"
