"""The rules for sidecars: what can be told before any of them is made."""

from collections.abc import Sequence

from services.worker.runtimes.protocol import RuntimeRejected
from services.worker.runtimes.task_spec import Probe, Sidecar

_PORTS = range(1, 65536)


def check_sidecars(sidecars: Sequence[Sidecar]) -> None:
    """Raises RuntimeRejected."""
    hosts = set[str]()
    for sidecar in sidecars:
        if sidecar.host in hosts:
            raise RuntimeRejected(f"{sidecar.label}: another has the host name {sidecar.host!r}")
        hosts.add(sidecar.host)
        if sidecar.probe is not None:
            _check_probe(sidecar.label, sidecar.probe)


def _check_probe(label: str, probe: Probe) -> None:
    if probe.port not in _PORTS:
        raise RuntimeRejected(f"{label}: probe port {probe.port} must be from 1 to 65535")
    if not probe.path.startswith("/"):
        raise RuntimeRejected(f"{label}: probe path {probe.path!r} must begin with /")
