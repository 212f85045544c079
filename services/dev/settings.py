"""The settings of `conveyor dev`: those of all four services, with defaults for one machine."""

import os
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from services.coordinator.settings import CoordinatorSettings
from services.scheduler.settings import SchedulerSettings
from services.webhook_dispatcher.settings import DispatcherSettings, WebhookSettings
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.settings import WorkerSettings, WorkSettings
from shared.files.settings import FilesSettings
from shared.process.sealing import generate_key
from shared.process.settings.blocks import Block, BrokerSettings, PostgresSettings, SealingSettings

_FILE_NAME = "sealing.key"


def sealing_key(data_dir: Path) -> str:
    """The key of `data_dir`; only its owner may read the file. Raises OSError."""
    path = data_dir / _FILE_NAME
    if not path.exists():
        _write(path, generate_key())
    return path.read_text(encoding="ascii").strip()


def _write(path: Path, key: str) -> None:
    """Under another name first: a key that was cut off by a crash would lock its owner out."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    # O_EXCL and the mode in one call: at no time can others read it.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key + "\n")
    unfinished.replace(path)


class DevBlock(Block):
    data_dir: Path = Field(
        Path(".conveyor"),
        description="Directory of the Postgres data, the encryption key and the files of `conveyor "
        "dev`. `conveyor dev` also reads the settings of all services; its worker has more slots "
        "and can use the shell, and its webhooks and sources may call this machine "
        "(`CONVEYOR_WEBHOOK_ALLOWED_NETWORKS` and `CONVEYOR_FILES_ALLOWED_NETWORKS` are "
        "`127.0.0.0/8,::1/128`).",
    )


_THIS_MACHINE = "127.0.0.0/8,::1/128"
_IN_DATA_DIR = "DATA_DIR/files"
_CORES = os.cpu_count() or 1
# A broker in memory and a Postgres of its own: what stands here is not looked at.
_IN_MEMORY = BrokerSettings(url=SecretStr("amqp://in-memory"))
_EMBEDDED = PostgresSettings(dsn=SecretStr("postgresql://embedded"))


class DevSettings(CoordinatorSettings, SchedulerSettings, DispatcherSettings, WorkerSettings):
    """Each service takes its part: this is a CoordinatorSettings, a WorkerSettings, and so on."""

    dev: DevBlock = DevBlock()
    broker: BrokerSettings = _IN_MEMORY
    postgres: PostgresSettings = _EMBEDDED
    # Of a single worker a hold keeps tasks from nothing but themselves.
    worker: WorkSettings = WorkSettings(
        queues=f"default:{2 * _CORES},highcpu:{_CORES}", node_hold_jobs=0
    )
    runtime: RuntimeSettings = RuntimeSettings(shell_allowed=True)
    webhook: WebhookSettings = WebhookSettings(allowed_networks=_THIS_MACHINE)
    files: FilesSettings = FilesSettings(store=_IN_DATA_DIR, allowed_networks=_THIS_MACHINE)

    def with_key(self, key: str) -> "DevSettings":
        """The same with `key` for secrets, unless a key is set already."""
        if self.encryption.keys:
            return self
        return self.model_copy(update={"encryption": SealingSettings(key=SecretStr(key))})

    def with_directories(self) -> "DevSettings":
        """The same with files in the data directory, unless a store is set already."""
        if self.files.store != _IN_DATA_DIR:
            return self
        store, cache = self.dev.data_dir / "files", self.dev.data_dir / "files-cache"
        places = {"store": str(store), "cache_dir": self.files.cache_dir or str(cache)}
        return self.model_copy(update={"files": self.files.model_copy(update=places)})


class IsolatedDevSettings(DevSettings):
    """Takes nothing from the environment or a file, so that it runs alike everywhere."""

    _reads_environment: ClassVar[bool] = False
