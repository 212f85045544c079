"""`python -m bench.profiled FILE MODULE`: runs a module as `-m` would, and writes where CPU went.

It samples by CPU time. A tracing profiler would make each small function look dear, and what else
runs on the machine would make wall time mean nothing.
"""

import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

_EVERY_SECONDS = 0.001
_SHOWN = 80


class Samples:
    """How often a line or a function was met: at the top of the stack, and anywhere in it."""

    def __init__(self) -> None:
        self.count = 0
        self._own: Counter[str] = Counter()
        self._with_callees: Counter[str] = Counter()

    def take(self, _: int, frame: FrameType | None) -> None:
        self.count += 1
        if frame is not None:
            self._own[f"{_function(frame)}:{frame.f_lineno}"] += 1
        met = set()
        while frame is not None:
            met.add(_function(frame))
            frame = frame.f_back
        self._with_callees.update(met)

    def report(self) -> str:
        lines = [f"{self.count} samples, one each {_EVERY_SECONDS * 1000:g} ms of CPU time"]
        for title, counter in (("own", self._own), ("with callees", self._with_callees)):
            lines.append(f"\n{title}")
            for place, met in counter.most_common(_SHOWN):
                lines.append(f"{met / max(self.count, 1):7.1%}  {place}")
        return "\n".join(lines) + "\n"


def _function(frame: FrameType) -> str:
    file = frame.f_code.co_filename.partition("site-packages/")
    return f"{file[2] or file[0]}:{frame.f_code.co_qualname}"


def main(target: str, module: str) -> None:
    samples = Samples()
    sys.argv[:] = [module]
    signal.signal(signal.SIGPROF, samples.take)
    signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)
    try:
        runpy.run_module(module, run_name="__main__")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        Path(target).write_text(samples.report(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
