"""Says at start when the secrets of jobs would be stored as they are."""

import structlog

from shared.process.sealing import Sealer

log = structlog.get_logger(__name__)


def warn_of_clear_secrets(sealer: Sealer) -> None:
    """No reason to refuse to start: not all jobs have secrets."""
    if not sealer.encrypts:
        log.warning("secrets are stored in clear", to_do="set CONVEYOR_ENCRYPTION_KEY")
