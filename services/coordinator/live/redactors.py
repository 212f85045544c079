"""What takes secrets out, unsealed once for each job of a stream."""

from functools import lru_cache

from services.coordinator.api.redacting import Redacting, redacting
from shared.process.sealing import Sealer

_MOST_JOBS = 256


class Redactors:
    def __init__(self, sealer: Sealer) -> None:
        self._of = lru_cache(_MOST_JOBS)(lambda sealed: redacting(sealer, sealed))

    def of(self, sealed: str | None) -> Redacting:
        """By `sealed` as the job's row has it."""
        return self._of(sealed)
