"""Why a task has failed: for retry policies, and in words for people."""

from dataclasses import dataclass
from typing import Literal

from conveyor.extensions.runtimes import Outcome, PartTimedOut
from services.worker.blame import Fault
from shared.definition import TEMPORARY_EXIT_CODE


@dataclass(frozen=True, slots=True)
class Failure:
    """`cause`, `exit_code` and `is_out_of_memory` are for retry policies, `error` is for people.
    `fault` says how it may be the node's."""

    error: str
    cause: Literal["exit", "timeout", "other"] = "other"
    exit_code: int | None = None
    is_out_of_memory: bool = False
    fault: Fault | None = None


def failure_of_outcome(outcome: Outcome, last_words: str) -> Failure:
    """A program ended that should not have ended so; `last_words` are the end of the log."""
    part = f"{outcome.part}: " if outcome.part else ""
    why = outcome.reason or ("" if outcome.exit_code else "not one of successCodes")
    reason = f" ({why})" if why else ""
    last = f": {last_words}" if last_words else ""
    error = f"{part}exit code {outcome.exit_code}{reason}{last}"
    fault = Fault.TEMPORARY if outcome.exit_code == TEMPORARY_EXIT_CODE else None
    return Failure(error, "exit", outcome.exit_code, outcome.is_out_of_memory, fault)


def failure_of_error(error: Exception) -> Failure:
    """The runtime wouldn't or couldn't; a pre or post that took too long is a time-out."""
    return Failure(str(error), "timeout" if isinstance(error, PartTimedOut) else "other")
