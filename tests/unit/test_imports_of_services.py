"""What an idle service has in memory is mostly what it imported: these are the large ones."""

import subprocess
import sys

import pytest

_SHOW_IMPORTED = "import sys, services.{}.__main__; print(*sys.modules, sep='\\n')"


@pytest.mark.parametrize(
    ("service", "unused"),
    [
        ("scheduler", {"aiohttp", "rich", "yaml", "re2", "croniter", "shared.jobspec.tork"}),
        ("webhook_dispatcher", {"aiohttp", "rich", "yaml", "re2", "croniter"}),
        ("worker", {"aiohttp", "rich", "yaml", "re2", "asyncpg", "shared.jobspec"}),
    ],
)
def test_a_service_imports_no_large_library_before_it_needs_it(
    service: str, unused: set[str]
) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", _SHOW_IMPORTED.format(service)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert unused.isdisjoint(shown.stdout.split())
