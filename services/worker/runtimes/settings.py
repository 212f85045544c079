"""The runtimes' settings: which runtime, where its engine is, what a shell task may see."""

from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from shared.definition.quantities import parse_memory
from shared.network.guard import Guard, parse_networks, parse_ports
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


def _memory(text: str) -> str:
    parse_memory(text)
    return text


def _addresses(text: str) -> str:
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"must be a network of IPv4 such as 198.18.0.0/15: {error}") from None
    if network.prefixlen > _LONGEST_PREFIX:
        raise ValueError(f"must have 64 addresses or more (a prefix up to /{_LONGEST_PREFIX})")
    return text


def _port_range(text: str) -> str:
    parse_ports((text,))
    return text


_LONGEST_PREFIX = 26
_MOST_UIDS = 65_536


def _uids_in(value: object) -> object:
    """`60000-60063` as a range."""
    if value is None or value == "":
        return ()
    if not isinstance(value, str):
        return value
    first, _, last = value.partition("-")
    if not (first.isdigit() and last.isdigit()):
        raise ValueError("must be a range of user ids such as 60000-60063")
    uids = range(int(first), int(last) + 1)
    if not 0 < len(uids) <= _MOST_UIDS or uids[0] == 0:
        raise ValueError(f"must be a range of 1 to {_MOST_UIDS} user ids above 0")
    return tuple(uids)


UidRange = Annotated[tuple[int, ...], BeforeValidator(_uids_in)]
CommaList = Annotated[tuple[str, ...], BeforeValidator(_from_commas)]


class RuntimeSettings(BaseModel):
    """Read once at start; frozen, so that a runtime can keep it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Annotated[str, AfterValidator(_known_runtime)] = Field(
        "auto",
        description="Runtime of tasks: `auto`, `docker`, `podman`, `shell`, or a runtime of an "
        "installed package. `auto`: tasks with an image run on the container engine, "
        "others in the shell if `shell_allowed`.",
    )
    engine: Literal["docker", "podman"] = Field("docker", description="Container engine of `auto`.")
    default_image: str | None = Field(
        None,
        min_length=1,
        description="Image of tasks without one, where they run in containers. Unset: such tasks "
        "fail. `auto` uses it only if it does not run them in the shell.",
    )
    docker_host: str | None = Field(
        None,
        description="Address of the Docker engine (`unix://…` or `tcp://…`). Unset: "
        "`DOCKER_HOST`, then `unix:///var/run/docker.sock`.",
    )
    podman_socket: str = Field(
        "unix:///run/podman/podman.sock", description="Address of the Podman API socket."
    )
    docker_config: str | None = Field(
        None,
        description="A Docker `config.json` with registry logins (`auths`); credential helpers "
        "are not supported. The `registry` of a task takes precedence. Unset: "
        "`~/.docker/config.json`.",
    )
    container_network: str | None = Field(
        None, description="Network of containers. Unset: the default of the engine."
    )
    container_init: bool | None = Field(
        None,
        description="Run a small init as process 1 in containers, which reaps zombies. Unset: on "
        "with Docker, off with Podman, which requires the catatonit package for it.",
    )
    engine_timeout_seconds: float = Field(
        60.0, gt=0, description="Time-out of one call to the engine, except waits."
    )
    pull_timeout_seconds: float = Field(1800.0, gt=0, description="Time-out of one image pull.")
    container_progress_seconds: float = Field(
        5.0, gt=0, description="Interval of reading $TORK_PROGRESS from a running container."
    )
    container_user: str | None = Field(
        None, description="User of containers (`1000` or `1000:1000`). Unset: that of the image."
    )
    container_capabilities: CommaList = Field(
        (
            *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE"),
            *("SETFCAP", "SETGID", "SETUID"),
        ),
        description="Linux capabilities of containers, comma-separated; all others are dropped. Of "
        "those that Docker gives by default, the default here leaves out AUDIT_WRITE, MKNOD, "
        "NET_RAW, SETPCAP and SYS_CHROOT.",
    )
    container_no_new_privileges: bool = Field(
        True,
        description="Prevent programs in containers, such as sudo, from gaining privileges that "
        "the container did not start with.",
    )
    container_pids_limit: int | None = Field(
        4096, gt=0, description="Maximum number of processes and threads in a container."
    )
    container_read_only: bool = Field(
        False,
        description="Mount the root file system of containers read-only. `/tmp`, `/tork` and the "
        "mounts of the task stay writable.",
    )
    container_tmpfs_max: Annotated[str, AfterValidator(_memory)] = Field(
        "1g",
        description="Maximum size of a `tmpfs` mount, and the size of one that names none.",
    )
    privileged_allowed: bool = Field(
        False,
        description="Allow tasks to request privileged containers, which are root on this machine.",
    )
    host_networks_allowed: bool = Field(
        False,
        description="Allow tasks to join the network of the machine (`host`) or of another "
        "container (`container:NAME`).",
    )
    networks_allowed: CommaList = Field(
        ("*",),
        description="Networks of the engine that tasks can join, comma-separated; `*`: any "
        "existing one. List them if the engine has networks with services that trust "
        "all clients.",
    )
    bind_allowed: bool = Field(
        False, description="Allow tasks to mount directories of this machine (type `bind`)."
    )
    bind_sources: CommaList = Field(
        (),
        description="Directories that `bind` mounts can use, with everything below them, "
        "comma-separated. Links are resolved before the check, as far as the worker "
        "sees the files of the engine. Do not let tasks write to directories on the "
        "path of other mounts: a link could be created between the check of the "
        "worker and that of the engine.",
    )
    proxy_allowed_networks: CommaList = Field(
        (),
        description="Networks that tasks with a network of type `http` may reach by their domains "
        "although they aren't part of the public internet, comma-separated: `10.1.0.0/16`.",
    )
    ports: Annotated[str, AfterValidator(_port_range)] = Field(
        "20000-32000",
        description="Ports of this machine for the `network.ports` of tasks that name no number.",
    )
    isolated_addresses: Annotated[str, AfterValidator(_addresses)] = Field(
        "198.18.0.0/15",
        description="Addresses for the networks of tasks that have no way out but a proxy, 64 for "
        "each task. Nothing else on this machine may use them.",
    )
    probe_image: str | None = Field(
        None,
        description="An image with `sh` and `wget` or `python3` that probes sidecars from inside "
        "the engine. Required if the worker cannot reach the addresses of containers: "
        "it runs in a container, or the engine is remote or rootless. Unset: the "
        "worker probes.",
    )
    shell_progress_seconds: float = Field(
        0.5, gt=0, description="Interval of reading $TORK_PROGRESS of a shell task."
    )
    output_max_bytes: int = Field(
        1024 * 1024,
        gt=0,
        description="Maximum size of a result. A task fails if its $TORK_OUTPUT is larger.",
    )
    shell_allowed: bool = Field(
        False,
        description="Allow `auto` to run tasks without an image as processes on this machine.",
    )
    shell_command: tuple[str, ...] = Field(
        (),
        description="Command that executes the `run` script of a shell task; the script or its "
        "path is appended. Unset: `bash -c`, or `sh -c` where there is no bash.",
    )
    shell_uids: UidRange = Field(
        (),
        description="User ids of shell tasks, such as `60000-60063`: each running task has one of "
        "its own, which is its group id too, so that tasks cannot see, signal or read each other. "
        "At least as many as the worker has slots, and used by nothing else. Requires a worker "
        "that runs as root. Unset: `shell_uid`.",
    )
    shell_privileges_kept: bool = Field(
        False,
        description="Let shell tasks keep the capabilities of the worker, and gain rights by "
        "programs such as sudo.",
    )
    shell_uid: int | None = Field(
        None,
        ge=0,
        description="User id of shell tasks. Unset: that of the worker; such tasks can access the "
        "files of the worker and of each other.",
    )
    shell_gid: int | None = Field(
        None, ge=0, description="Group id of shell tasks. Unset: that of the worker."
    )
    shell_env_allowed: tuple[str, ...] = Field(
        (),
        description="Environment variables of the worker that shell tasks see, in addition to "
        "PATH and LANG.",
    )
    shell_workdir_root: str | None = Field(
        None,
        description="Parent of the working directories of shell tasks. Unset: the temporary "
        "directory.",
    )

    wasm_allowed: bool = Field(
        True,
        description="Run tasks with `wasm`, where the package wasmtime is installed. A module "
        "reaches nothing but its own files, and no network.",
    )

    @field_validator("proxy_allowed_networks")
    @classmethod
    def _are_networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        parse_networks(texts)
        return texts

    @property
    def dynamic_ports(self) -> range:
        return parse_ports((self.ports,))[0]

    @property
    def proxy_guard(self) -> Guard:
        networks = parse_networks(self.proxy_allowed_networks)
        return Guard(networks, setting="CONVEYOR_RUNTIME_PROXY_ALLOWED_NETWORKS")

    @property
    def is_podman(self) -> bool:
        return self.type == "podman" or (self.type == "auto" and self.engine == "podman")
