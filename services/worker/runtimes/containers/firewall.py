"""The rules by which containers of isolated networks reach nothing of the worker's machine but the
proxy, and nothing beyond it.

An engine's own internal networks are no such thing: their containers reach every service of the
machine that listens on all addresses, and Docker's name service passes their questions on (up to
25.0.4, CVE-2024-29018). The rules are in the table `mangle`, in which neither Docker nor Podman has
any, and hold for bridges by the beginning of their names: they are there once, whatever tasks come
and go, and are looked for again before each.
"""

import asyncio
import subprocess
from collections.abc import Sequence

BRIDGES = "cvh"
"""What the names of the bridges of isolated networks begin with."""
PROXY_PORT = 13128
_SECONDS = 20.0
_INPUT, _FORWARD = "CONVEYOR-INPUT", "CONVEYOR-FORWARD"
_CHAINS = {
    _INPUT: (
        "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",  # the worker asks their sidecars
        f"-p tcp -m tcp --dport {PROXY_PORT} -j RETURN",
        "-j DROP",
    ),
    _FORWARD: (
        "-m physdev --physdev-is-bridged -j RETURN",  # from one container of a task to another
        "-j DROP",
    ),
}
_JUMPS = (
    f"INPUT -i {BRIDGES}+ -j {_INPUT}",
    f"FORWARD -i {BRIDGES}+ -j {_FORWARD}",
    f"FORWARD -o {BRIDGES}+ -j {_FORWARD}",
)


class FirewallFailed(Exception):
    """The text says why it can't be there."""


class Firewall:
    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def ensure(self) -> None:
        """Raises FirewallFailed."""
        async with self._one_at_a_time:
            await asyncio.to_thread(_ensure)


def _ensure() -> None:
    missing = [jump for jump in _JUMPS if not _is_there(jump)]
    rules = [f"{chain} {rule}" for chain, rules in _CHAINS.items() for rule in rules]
    if missing or not all(map(_is_there, rules)):
        chains = [f":{chain} - [0:0]" for chain in _CHAINS]  # emptied if it is there
        inserted = [f"-I {jump}" for jump in missing]
        appended = [f"-A {rule}" for rule in rules]
        _restore("\n".join(["*mangle", *chains, *appended, *inserted, "COMMIT", ""]))


def _is_there(rule: str) -> bool:
    return _run(["iptables", "-w", "-t", "mangle", "-C", *rule.split()]).returncode == 0


def _restore(rules: str) -> None:
    """All of them or none, in one step. Raises FirewallFailed."""
    done = _run(["iptables-restore", "--noflush", "--wait"], rules)
    if done.returncode:
        raise FirewallFailed(f"iptables-restore: {done.stderr.strip()}")


def _run(command: Sequence[str], given: str | None = None) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603 - our own words
            command, input=given, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FirewallFailed(str(error)) from error
