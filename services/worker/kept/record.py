"""What is known of an execution that may outlive its worker, in memory and in its file."""

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from services.worker.phases import Phases
from services.worker.watchdog.args import Key
from services.worker.watchdog.kept_files import forget, owner_of, path_of
from shared.messages import Adopted, Claim, LogPart, RunTask
from shared.process.clock import monotonic_boottime

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class KeptExecution:
    """`owner` holds it, `left_by` has held it and is gone (None: it begins here). `since` is where
    reading its log has come to. `log_number` parts of that were made, of which `log_parts` may not
    have arrived. `started_at` is on the clock of leases."""

    directory: str
    worker: str
    engine: str
    owner: str
    order: RunTask
    left_by: str | None = None
    started_at: float = 0.0
    since: str = ""
    log_number: int = 0
    log_parts: Sequence[LogPart] = ()
    on_kept: Callable[[], None] = field(default=lambda: None)
    phases: Phases = field(default_factory=Phases)

    @property
    def key(self) -> Key:
        return self.order.task_id, self.order.dispatch

    @property
    def is_left(self) -> bool:
        return self.left_by is not None

    @property
    def claim(self) -> Claim | Adopted:
        ref = self.order.ref.model_dump()
        return Claim(**ref) if self.left_by is None else Adopted(**ref, from_node_id=self.left_by)

    @property
    def seconds_run(self) -> float:
        return monotonic_boottime() - self.started_at if self.started_at else 0.0

    def began(self) -> None:
        """It runs. From now on it goes on when this worker dies: the file is there first."""
        self.started_at = self.started_at or monotonic_boottime()
        if self._save():
            self.on_kept()

    def passed(self, since: str) -> None:
        """What its log had until then goes into the next part."""
        self.since = since

    def logged(self, parts: Sequence[LogPart], number: int) -> None:
        """Before they are sent: whoever goes on sends them again, and reads on behind them."""
        self.log_parts, self.log_number = parts, number
        if self.started_at:
            self._save()

    def ended(self) -> None:
        if owner_of(self.directory, self.key) == self.owner:
            forget(self.directory, self.key)

    def _save(self) -> bool:
        content = {
            "owner": self.owner,
            "worker": self.worker,
            "engine": self.engine,
            "order": self.order.model_dump(mode="json"),
            "started_at": self.started_at,
            "since": self.since,
            "phases": self.phases.saved(),
            "log_number": self.log_number,
            "log_parts": [part.model_dump(mode="json") for part in self.log_parts],
        }
        path = path_of(self.directory, self.key)
        new, flags = f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        try:
            with open(os.open(new, flags, 0o600), "w", encoding="utf-8") as file:
                json.dump(content, file)
            os.replace(new, path)
        except OSError as error:  # a full disk: it ends with this worker then
            log.warning("execution_not_kept", task=self.order.task_id, error=str(error))
            with contextlib.suppress(OSError):  # what was written of it takes the last room
                os.unlink(new)
            return False
        return True


def left_execution(directory: str, content: dict[str, Any], owner: str) -> KeptExecution:
    """What a file says, for its next owner. Raises ValueError, LookupError, TypeError."""
    started_at, phases = float(content["started_at"]), Phases()
    if saved := content.get("phases"):  # a worker of the version before saves none
        phases.restore(saved, started_at)
    return KeptExecution(
        directory=directory,
        worker=content["worker"],
        engine=content["engine"],
        owner=owner,
        order=RunTask.model_validate(content["order"]),
        left_by=content["owner"],
        started_at=started_at,
        phases=phases,
        since=content["since"],
        log_number=int(content["log_number"]),
        log_parts=[LogPart.model_validate(each) for each in content["log_parts"]],
    )
