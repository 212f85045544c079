"""What a container task can have around it, all at once."""

from typing import Any

from conveyor.extensions.tasks import Aux, Mount, Probe, Sidecar, TaskSpec
from tests.support.engines.images import BUSYBOX

SERVE = "mkdir /www; echo hello > /www/index.html; httpd -f -p 8080 -h /www"


def everything(node: str) -> dict[str, Any]:
    """Fields of a `TaskSpec`: image, pre, post, a sidecar with a probe, a volume and a tmpfs."""

    def program(run: str) -> TaskSpec:
        return TaskSpec(task_id="t", job_id="j", node_id=node, image=BUSYBOX, run=run)

    return {
        "image": BUSYBOX,
        "pre": (Aux(label="pre 1", program=program("echo pre > /shared/a")),),
        "post": (Aux(label="post 1", program=program("cat /shared/a")),),
        "sidecars": (
            Sidecar(
                label="sidecar 1",
                host="web",
                program=program(SERVE),
                probe=Probe(port=8080, path="/index.html"),
            ),
        ),
        "mounts": (
            Mount(type="volume", target="/shared"),
            Mount(type="tmpfs", target="/fast"),
        ),
    }
