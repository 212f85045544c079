"""The clock for leases: its seconds also pass while the machine sleeps."""

import time


def monotonic_boottime() -> float:
    """Seconds since some moment; never set back, and not stopped by a suspended machine.

    `time.monotonic` stands still then: a laptop that wakes up would believe in its old leases.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux has it
    return time.monotonic() if clock is None else time.clock_gettime(clock)
