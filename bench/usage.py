"""CPU time and memory of processes: our services, and the servers that are our descendants."""

from collections.abc import Iterable
from contextlib import suppress

import psutil

from tests.support.services import footprint
from tests.support.services.cluster import Service
from tests.support.services.footprint import POSTGRES, RABBITMQ

TASKS, CLIENT = "tasks' own processes", "client (this benchmark)"


def cpu_seconds(services: Iterable[Service]) -> dict[str, float]:
    """CPU time so far, by name. What a service's ended children took counts apart, as `TASKS`.

    A server that isn't ours (one that the environment names) is left out.
    """
    ourselves = psutil.Process()
    seconds = {CLIENT: _own(ourselves), TASKS: 0.0}
    for service in services:
        process = psutil.Process(service.process.pid)
        seconds[service.name] = seconds.get(service.name, 0.0) + _own(process)
        seconds[TASKS] += _ended_children(process)
    for process in ourselves.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a connection's process that has just ended
            if (name := process.name()) in (RABBITMQ, POSTGRES):
                total = _own(process) + _ended_children(process)
                seconds[name] = seconds.get(name, 0.0) + total
    return seconds


def difference(later: dict[str, float], earlier: dict[str, float]) -> dict[str, float]:
    return {name: seconds - earlier.get(name, 0.0) for name, seconds in later.items()}


def memory_megabytes(service: Service) -> float:
    """Resident memory, shared libraries included."""
    return float(psutil.Process(service.process.pid).memory_info().rss) / 1e6


def peak_megabytes(service: Service) -> float:
    """The most resident memory it ever had."""
    return footprint.peak_megabytes(service.process.pid)


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _ended_children(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.children_user + times.children_system)
