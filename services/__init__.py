"""The four services, and `dev`, which runs them in one process."""

import contextlib
import sys

# structlog imports rich where it is installed, for tracebacks that no service draws: 5 MB.
if "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment] # how Python spells "can't be imported"
    try:
        # A worker's watchdog runs on the standard library alone, and logs nothing.
        with contextlib.suppress(ImportError):
            import structlog  # noqa: F401 - imported now, and kept
    finally:
        del sys.modules["rich"]
