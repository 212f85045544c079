"""What a shell task executes and sees: its rules, its arguments, its environment."""

import os

from services.worker.runtimes.file_names import check_file_names
from services.worker.runtimes.protocol import RuntimeRejected
from services.worker.runtimes.script import fits_an_argument
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.shell.directory import PartFiles
from services.worker.runtimes.stages import naming
from services.worker.runtimes.task_spec import TaskSpec

_CONTAINERS_ALONE = ("sidecars", "mounts", "networks", "gpus", "privileged")


def check_task(spec: TaskSpec) -> None:
    """Raises RuntimeRejected for what a shell task can't have, its pre and post included."""
    for name in _CONTAINERS_ALONE:
        if getattr(spec, name):
            raise RuntimeRejected(
                f"{name}: the shell runtime has none, only containers do: name an image"
            )
    check_spec(spec)
    for aux in (*spec.pre, *spec.post):
        with naming(aux.label):
            check_spec(aux.program)


def check_spec(spec: TaskSpec) -> None:
    """Raises RuntimeRejected for what a shell program can't have."""
    if spec.image is not None:
        raise RuntimeRejected(f"image {spec.image!r}: the shell runtime runs no images")
    if not (spec.run is not None or spec.cmd or spec.entrypoint):
        raise RuntimeRejected("nothing to run: one of run, cmd and entrypoint is needed")
    check_file_names(spec.files)
    if spec.workdir and os.path.isabs(spec.workdir):
        raise RuntimeRejected(
            f"workdir {spec.workdir!r} must be relative: "
            "the shell runtime gives each task a directory of its own"
        )
    if spec.workdir:
        check_file_names([spec.workdir])


def script_of(spec: TaskSpec, settings: RuntimeSettings) -> str | None:
    """The script to write into a file; None when there is none or it travels as an argument."""
    shell = spec.entrypoint or settings.shell_command
    return None if fits_an_argument(spec, shell) else spec.run


def argv_of(spec: TaskSpec, settings: RuntimeSettings, part: PartFiles) -> list[str]:
    """`run` is a script for the shell command; `cmd` and `entrypoint` go before it when set."""
    if spec.run is None:
        return [*spec.entrypoint, *spec.cmd]
    shell = spec.entrypoint or settings.shell_command
    if fits_an_argument(spec, shell):
        # $0 is what shells put before their errors: the path would be noise, and leads nowhere.
        return [*shell, spec.run, os.path.basename(part.script)]
    return [*shell, *(spec.cmd or (part.script,))]


def environment_of(
    spec: TaskSpec, settings: RuntimeSettings, part: PartFiles, workdir: str
) -> dict[str, str]:
    """Nothing of the worker's own environment but what the operator allows: it holds secrets."""
    allowed = ("PATH", "LANG", *settings.shell_env_allowed)
    host = {name: os.environ[name] for name in allowed if name in os.environ}
    ours = {"TORK_OUTPUT": part.output, "TORK_PROGRESS": part.progress}
    return {"HOME": workdir, **host, **spec.env, **ours}
