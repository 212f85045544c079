"""What all tests share: the rigs that give them real services."""

pytest_plugins = [
    "tests.support.fixtures_engines",
    "tests.support.fixtures_families",
    "tests.support.fixtures_http",
    "tests.support.fixtures_mounts",
    "tests.support.fixtures_postgres",
    "tests.support.fixtures_rabbitmq",
]
