"""The runtimes' settings: which runtime, where its engine is, what a shell task may see."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class RuntimeSettings(BaseModel):
    """Read once at start; frozen, so that a runtime can keep it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["auto", "docker", "podman", "shell"] = Field(
        "auto",
        description="What runs tasks. `auto`: a task with an image goes to the container engine, "
        "one without goes to the shell if `shell_allowed`.",
    )
    engine: Literal["docker", "podman"] = Field(
        "docker", description="Which container engine `auto` uses."
    )
    docker_host: str | None = Field(
        None,
        description="Address of the Docker engine (`unix://…` or `tcp://…`). "
        "Unset: `DOCKER_HOST`, then `unix:///var/run/docker.sock`.",
    )
    podman_socket: str = Field(
        "unix:///run/podman/podman.sock", description="Address of the Podman API socket."
    )
    docker_config: str | None = Field(
        None,
        description="A Docker `config.json` with registry logins (`auths`); credential helpers are "
        "not supported. A task's own `registry` wins. Unset: `~/.docker/config.json`.",
    )
    container_network: str | None = Field(
        None, description="Network that containers join. Unset: the engine's default."
    )
    container_init: bool | None = Field(
        None,
        description="Run a small init as process 1 in containers (it reaps zombies). "
        "Unset: yes on Docker, no on Podman, which needs the catatonit package for it.",
    )
    engine_timeout_seconds: float = Field(
        60.0, gt=0, description="How long one call to the engine may take, waits excepted."
    )
    pull_timeout_seconds: float = Field(
        1800.0, gt=0, description="How long pulling one image may take."
    )
    container_progress_seconds: float = Field(
        5.0, gt=0, description="How often $TORK_PROGRESS is read from a running container."
    )
    shell_progress_seconds: float = Field(
        0.5, gt=0, description="How often $TORK_PROGRESS of a shell task is read."
    )
    output_max_bytes: int = Field(
        1024 * 1024, gt=0, description="How much of $TORK_OUTPUT is kept; the rest is cut off."
    )
    shell_allowed: bool = Field(
        False,
        description="Whether `auto` may run tasks without an image as processes on this machine.",
    )
    shell_command: tuple[str, ...] = Field(
        ("sh", "-c"),
        min_length=1,
        description="What executes a shell task's `run` script; the script's path is appended.",
    )
    shell_uid: int | None = Field(
        None, ge=0, description="User id that shell tasks run as. Unset: the worker's own."
    )
    shell_gid: int | None = Field(
        None, ge=0, description="Group id that shell tasks run as. Unset: the worker's own."
    )
    shell_env_allowed: tuple[str, ...] = Field(
        (),
        description="Names of the worker's environment variables that shell tasks see, "
        "besides PATH and LANG.",
    )
    shell_workdir_root: str | None = Field(
        None, description="Where shell tasks' directories are made. Unset: the temporary directory."
    )
