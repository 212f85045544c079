"""Jobs of Bacalhau for tests, made of a small one."""

from typing import Any

Tree = dict[str, Any]

DOCKER: Tree = {"Type": "docker", "Params": {"Image": "ubuntu:24.04"}}


def bacalhau_job(task: Tree | None = None, /, **fields: Any) -> Tree:
    """A batch job of one task, with these fields of the task and of the job."""
    return {
        "Type": "batch",
        "Tasks": [{"Name": "main", "Engine": DOCKER, **(task or {})}],
        **fields,
    }


def with_source(kind: str, params: Tree, target: str = "/in") -> Tree:
    source = {"Target": target, "Source": {"Type": kind, "Params": params}}
    return bacalhau_job({"InputSources": [source]})
