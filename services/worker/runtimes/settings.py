"""The runtimes' settings: which runtime, where its engine is, what a shell task may see."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from shared.process.extensions import Group, check_known

BUILT_IN = ("auto", "docker", "podman", "shell")


def _known_runtime(name: str) -> str:
    if name not in BUILT_IN:
        check_known(Group.RUNTIMES, name, BUILT_IN)
    return name


def _from_commas(value: object) -> object:
    """`/data, /srv` as ("/data", "/srv"), as the environment spells a list."""
    if not isinstance(value, str):
        return value
    return tuple(filter(None, (part.strip() for part in value.split(","))))


CommaList = Annotated[tuple[str, ...], BeforeValidator(_from_commas)]


class RuntimeSettings(BaseModel):
    """Read once at start; frozen, so that a runtime can keep it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Annotated[str, AfterValidator(_known_runtime)] = Field(
        "auto",
        description="What runs tasks: `auto`, `docker`, `podman`, `shell`, or a runtime that an "
        "installed package adds. `auto`: a task with an image goes to the container engine, one "
        "without goes to the shell if `shell_allowed`.",
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
    privileged_allowed: bool = Field(
        False,
        description="Whether a task may ask for a privileged container, which is root on this "
        "machine.",
    )
    host_networks_allowed: bool = Field(
        False,
        description="Whether a task may join the network of the machine (`host`) or of another "
        "container (`container:NAME`).",
    )
    networks_allowed: CommaList = Field(
        ("*",),
        description="The engine's networks that a task may join, by name, commas between them; "
        "`*`: any that exists. Name them where the engine has networks whose services trust "
        "whoever reaches them.",
    )
    bind_allowed: bool = Field(
        False, description="Whether a task may mount directories of this machine (type `bind`)."
    )
    bind_sources: CommaList = Field(
        (),
        description="The directories that `bind` mounts may be in, with all below them, commas "
        "between them. Links are followed before this is checked, as far as the worker sees the "
        "engine's files. Let no task write where others' mounts lead through: between the last "
        "check and the engine's there is a moment in which a link could be put there.",
    )
    probe_image: str | None = Field(
        None,
        description="An image with `sh` and one of `wget` and `python3`, used to probe sidecars "
        "from inside the engine. Needed where the worker itself can't reach a container's address: "
        "it runs in a container, the engine is on another machine or rootless. Unset: the worker "
        "probes.",
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
        None,
        ge=0,
        description="User id that shell tasks run as. Unset: the worker's own; such tasks can "
        "reach the worker's files, and each other's.",
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
