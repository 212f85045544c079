"""RabbitMQ for a test session: the one that is named, one of our own, or a container."""

import os
from collections.abc import Iterator

import pytest

from tests.support.availability import unavailable
from tests.support.rabbitmq import PrivateRabbit, installed_sbin

_IMAGE = "rabbitmq:4-management"


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """An amqp:// address. `CONVEYOR_TEST_AMQP_URL` wins; tests share it, so name queues apart."""
    named = os.environ.get("CONVEYOR_TEST_AMQP_URL")
    if named:
        yield named
    elif installed_sbin() is not None:
        with PrivateRabbit() as server:
            yield server.url
    else:
        yield from _containerised()


@pytest.fixture(scope="module")
def private_rabbit() -> Iterator[PrivateRabbit]:
    """A server to kill, restart and command."""
    if installed_sbin() is None:
        unavailable("needs the rabbitmq-server package: a named server can't be killed")
    with PrivateRabbit() as server:
        yield server


def _containerised() -> Iterator[str]:
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.rabbitmq import RabbitMqContainer  # imports docker, so only when it is due

    with RabbitMqContainer(_IMAGE) as container:
        host, port = container.get_container_host_ip(), container.get_exposed_port(5672)
        yield f"amqp://guest:guest@{host}:{port}/"
