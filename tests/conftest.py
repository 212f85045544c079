"""What all tests share: the rigs that give them real services, and how properties are tried."""

import os

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests.support.availability import unavailable

pytest_plugins = [
    "tests.support.failed_tests",
    "tests.support.module_order",
    "tests.support.spared_heap",
    "tests.support.engines.fixtures",
    "tests.support.jobs.fixtures",
    "tests.support.http.fixtures",
    "tests.support.engines.mount_fixtures",
    "tests.support.files.fixtures",
    "tests.support.servers.postgres_fixtures",
    "tests.support.servers.rabbitmq_fixtures",
]

# The same examples each time, however slow the machine: what fails has been broken by a change.
# `pytest --hypothesis-profile searching` tries others.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("searching", _PATIENT)
settings.register_profile("steady", _PATIENT, derandomize=True)
settings.load_profile("steady")


@pytest.fixture
def as_root() -> None:
    """For what only root can try: other users, control groups."""
    if os.geteuid() != 0:
        unavailable("these tests are not run as root")


def pytest_itemcollected(item: pytest.Item) -> None:
    """What tries a property on hundreds of examples is slow by its nature."""
    if is_hypothesis_test(getattr(item, "obj", None)):
        item.add_marker("slow")
