"""What a container may do on its machine."""

from pathlib import Path

from services.worker.runtimes.containers.engine_calls import Json
from services.worker.runtimes.settings import RuntimeSettings

_CHANGE_NETWORKS = ("NET_ADMIN", "NET_RAW", "SYS_ADMIN", "ALL")
# A name server that nobody is: an engine's own would ask the outside for the task.
_NO_NAME_SERVER = ("127.0.0.1",)
_IPV6 = Path("/proc/sys/net/ipv6")


def rights(settings: RuntimeSettings, *, is_privileged: bool, is_isolated: bool) -> Json:
    """Of its host configuration. `is_isolated`: it has a network that it must not leave."""
    found: Json = {}
    if settings.container_pids_limit is not None:
        found["PidsLimit"] = settings.container_pids_limit
    if is_privileged:
        return found
    if settings.container_no_new_privileges:
        found["SecurityOpt"] = ["no-new-privileges"]
    capabilities = list(settings.container_capabilities)
    if is_isolated:
        capabilities = [each for each in capabilities if each not in _CHANGE_NETWORKS]
        # A bridge's link-local address of IPv6 would be one more of the machine.
        off = ("all", "default") if _IPV6.exists() else ()
        found["Sysctls"] = {f"net.ipv6.conf.{which}.disable_ipv6": "1" for which in off}
        found["Dns"] = list(_NO_NAME_SERVER)
    return found | {"CapDrop": ["ALL"], "CapAdd": capabilities}
